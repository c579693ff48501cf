use linkbus::{Command, handlers};
use std::cell::Cell;

#[derive(Command)]
struct Open;

struct Doors(Cell<u32>);

#[handlers]
impl Doors {
    #[handler]
    fn open(&self, _: Open) {
        self.0.set(1);
    }

    #[handler]
    async fn close(&self, _: Close) {
        self.0.set(0);
    }
}

#[derive(Command)]
struct Close;

fn main() {}
