use linkbus::{Bus, Query};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn main() {
    let bus = Bus::builder();
    let _ = bus.send(IsOpen);
}
