use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler]
#[handler]
fn open(_: Open) {}

fn main() {}
