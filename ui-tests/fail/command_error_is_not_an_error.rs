use linkbus::Command;

#[derive(Command)]
#[command(error = String)]
struct PlaceOrder;

fn main() {}
