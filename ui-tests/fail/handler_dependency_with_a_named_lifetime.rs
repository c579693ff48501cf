use linkbus::{Command, handler};

#[derive(Command)]
struct Open;

struct Key<'a>(&'a str);

#[handler]
async fn open<'a>(_: &Open, key: &'a Key<'a>) {
    let _ = key.0;
}

fn main() {}
