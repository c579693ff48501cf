use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

#[derive(Command)]
struct Close;

#[handler]
fn open_and_close(open: &Open, close: &Close) {
    let (Open, Close) = (open, close);
}

fn main() {}
