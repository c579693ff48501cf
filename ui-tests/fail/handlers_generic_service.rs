use linkbus::{Command, handlers};

#[derive(Command)]
struct Open;

struct Doors<T>(T);

#[handlers]
impl<T: Send + Sync + 'static> Doors<T> {
    #[handler]
    fn open(&self, _: Open) {}
}

fn main() {}
