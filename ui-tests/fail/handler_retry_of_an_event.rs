use linkbus::{Event, handler};

#[derive(Event)]
struct Opened;

#[handler(retry(max = 5))]
fn opened(_: &Opened) {}

fn main() {}
