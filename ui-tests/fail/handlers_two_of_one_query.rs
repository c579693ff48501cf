use linkbus::{Query, handlers};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

struct Doors;

#[handlers]
impl Doors {
    #[handler]
    fn front(&self, _: &IsOpen) -> bool {
        true
    }

    #[handler]
    fn back(&self, _: IsOpen) -> bool {
        false
    }
}

fn main() {}
