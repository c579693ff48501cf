use linkbus::{Bus};

struct IsOpen;

async fn open(bus: &Bus) {
    let _ = bus.send(IsOpen).await;
}

fn main() {}
