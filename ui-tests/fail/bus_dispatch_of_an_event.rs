use linkbus::{Bus, Event};

#[derive(Event)]
struct Opened;

async fn open(bus: &Bus) {
    let _ = bus.dispatch(Opened).await;
}

fn main() {}
