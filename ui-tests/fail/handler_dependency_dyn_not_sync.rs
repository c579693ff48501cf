use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = u32)]
struct Next;

trait Counter {
    fn next(&self) -> u32;
}

#[handler]
fn next(_: &Next, counter: &dyn Counter) -> u32 {
    counter.next()
}

fn main() {}
