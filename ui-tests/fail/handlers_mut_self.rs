use linkbus::{Command, handlers};

#[derive(Command)]
struct Open;

struct Doors;

#[handlers]
impl Doors {
    #[handler]
    fn open(&mut self, _: Open) {}
}

fn main() {}
