use linkbus::{Command, handlers};

#[derive(Command)]
struct Open;

#[derive(Command)]
struct Close;

#[derive(Command)]
struct Lock;

struct Doors;

#[handlers]
impl Doors {
    #[handler(crate = linkbus)]
    fn open(&self, _: Open) {}

    #[handler = "close"]
    fn close(&self, _: Close) {}

    #[handler(retries = 5)]
    fn lock(&self, _: Lock) {}
}

fn main() {}
