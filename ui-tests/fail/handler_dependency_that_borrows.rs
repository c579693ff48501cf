use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

struct Key<'a>(&'a str);

#[handler]
fn open(_: &Open, key: &Key<'_>) {
    let _ = key.0;
}

fn main() {}
