use linkbus::{Bus, Event};

#[derive(Event)]
struct Opened;

fn main() {
    let _ = Bus::empty().replace(|_: Opened| ()).build();
}
