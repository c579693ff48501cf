use linkbus::{Event, SyncBus};

#[derive(Event)]
struct Opened;

fn main() {
    let bus = SyncBus::empty().build().unwrap();
    bus.send(Opened).unwrap();
}
