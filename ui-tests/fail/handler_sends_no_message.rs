use linkbus::{Command, handler};

#[derive(Command)]
struct Pay;

struct Receipt;

#[handler(sends(Receipt))]
fn pay(_: Pay) {}

fn main() {}
