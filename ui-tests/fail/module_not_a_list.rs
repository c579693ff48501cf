use linkbus::Event;

#[derive(Event)]
struct Opened;

linkbus::module!(messages: Opened);

fn main() {}
