use linkbus::Command;

#[derive(Command)]
#[command(name = "orders.Place", name = "orders.PlaceOrder")]
struct PlaceOrder;

fn main() {}
