use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler]
unsafe fn open(_: Open) {}

fn main() {}
