use linkbus::{Bus, Query};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn main() {
    let _ = Bus::empty().query(|_: IsOpen| 7_u32).build();
}
