use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[handler]
fn open(command: &mut Open) {
    let Open = command;
}

fn main() {}
