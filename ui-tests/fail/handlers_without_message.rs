use linkbus::handlers;

struct Doors;

#[handlers]
impl Doors {
    #[handler]
    fn open(&self) {}
}

fn main() {}
