use linkbus::{Command, SyncBus, handler};

#[derive(Command)]
struct Open;

#[handler]
async fn open(_: Open, bus: &SyncBus) {
    let _ = bus;
}

fn main() {}
