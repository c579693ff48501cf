use linkbus::Command;

#[derive(Command)]
#[command(name = "orders.Place")]
#[command(name = "orders.PlaceOrder")]
struct PlaceOrder;

fn main() {}
