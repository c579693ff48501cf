use linkbus::{Bus, Query};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

async fn open(bus: &Bus) {
    let _ = bus.send(&IsOpen).await;
}

fn main() {}
