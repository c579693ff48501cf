use linkbus::Command;

#[derive(Command)]
#[command(errors = std::fmt::Error)]
struct PlaceOrder;

fn main() {}
