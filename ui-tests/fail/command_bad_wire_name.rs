use linkbus::Command;

#[derive(Command)]
#[command(name = "orders/place order")]
struct PlaceOrder;

fn main() {}
