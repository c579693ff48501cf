use linkbus::Event;

#[derive(Event)]
#[event(error = std::fmt::Error)]
struct OrderPlaced;

fn main() {}
