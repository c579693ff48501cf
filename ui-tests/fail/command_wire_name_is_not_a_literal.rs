use linkbus::Command;

const NAME: &str = "orders.Place";

#[derive(Command)]
#[command(name = NAME)]
struct PlaceOrder;

fn main() {}
