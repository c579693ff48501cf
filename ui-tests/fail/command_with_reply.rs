use linkbus::Command;

#[derive(Command)]
#[command(reply = String)]
struct PlaceOrder;

fn main() {}
