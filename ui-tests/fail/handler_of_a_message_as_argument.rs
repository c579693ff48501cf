use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler(Open)]
fn open(_: Open) {}

fn main() {}
