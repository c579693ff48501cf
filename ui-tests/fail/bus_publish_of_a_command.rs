use linkbus::{Bus, Command};

#[derive(Command)]
struct Open;

async fn open(bus: &Bus) {
    let _ = bus.publish(Open).await;
}

fn main() {}
