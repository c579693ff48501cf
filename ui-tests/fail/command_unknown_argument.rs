use linkbus::Command;

#[derive(Command)]
#[command(topic = "orders")]
struct PlaceOrder;

fn main() {}
