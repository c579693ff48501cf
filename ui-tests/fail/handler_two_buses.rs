use linkbus::{Bus, Command, SyncBus, handler};

#[derive(Command)]
struct Open;

#[handler]
fn open(_: Open, bus: &Bus, sync: &SyncBus) {
    let _ = (bus, sync);
}

fn main() {}
