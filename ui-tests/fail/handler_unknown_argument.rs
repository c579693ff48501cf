use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler(name = "open")]
fn open(_: Open) {}

fn main() {}
