use linkbus::{Bus, Query};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn extend(bus: &Bus) {
    bus.query(|_: IsOpen| true);
}

fn main() {}
