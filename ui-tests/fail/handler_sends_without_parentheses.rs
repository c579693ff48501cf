use linkbus::{Command, handler};

#[derive(Command)]
struct Pay;

#[handler(sends = Pay)]
fn pay(_: Pay) {}

fn main() {}
