use linkbus::{Command, handlers};

#[derive(Command)]
struct Open;

#[handlers]
fn open(_: Open) {}

fn main() {}
