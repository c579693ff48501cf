use linkbus::Event;

#[derive(Event)]
#[event(reply = String)]
struct OrderPlaced;

fn main() {}
