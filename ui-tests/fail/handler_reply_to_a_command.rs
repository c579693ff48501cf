use linkbus::{Command, handler};

#[derive(Command)]
struct PlaceOrder;

#[handler]
fn place_order(_: PlaceOrder) -> u32 {
    7
}

fn main() {}
