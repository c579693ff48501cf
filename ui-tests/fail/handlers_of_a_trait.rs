use linkbus::{Command, handlers};

#[derive(Command)]
struct Open;

trait Opener {
    fn open(&self, command: Open);
}

struct Doors;

#[handlers]
impl Opener for Doors {
    #[handler]
    fn open(&self, _: Open) {}
}

fn main() {}
