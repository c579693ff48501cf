use linkbus::{Event, handler};

#[derive(Event)]
struct Opened;

#[handler]
fn opened(_: Opened) {}

fn main() {}
