use linkbus::{Bus, Event};

#[derive(Event)]
struct Opened;

async fn open(bus: &Bus) {
    let _ = bus.send(Opened).await;
}

fn main() {}
