use linkbus::{Query, handler};

trait Clock {
    fn now(&self) -> u32;
}

#[derive(Query)]
#[query(reply = u32)]
struct Now;

#[handler]
fn now(_: Now, clock: &impl Clock) -> u32 {
    clock.now()
}

fn main() {}
