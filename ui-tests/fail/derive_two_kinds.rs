use linkbus::{Command, Event};

#[derive(Command, Event)]
struct PlaceOrder;

fn main() {}
