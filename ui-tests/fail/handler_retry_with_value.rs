use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler(retry = 5)]
fn open(_: &Open) {}

fn main() {}
