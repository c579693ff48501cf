use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler]
fn open(command: &'static Open) {
    let Open = command;
}

fn main() {}
