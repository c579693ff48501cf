use linkbus::{Event, handler};

#[derive(Event)]
struct Opened;

#[handler]
async fn opened(_: Opened) {}

fn main() {}
