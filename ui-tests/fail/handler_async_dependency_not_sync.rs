use linkbus::{Query, handler};
use std::cell::Cell;

#[derive(Query)]
#[query(reply = u32)]
struct Next;

#[handler]
async fn next(_: &Next, counter: &Cell<u32>) -> u32 {
    counter.replace(counter.get() + 1)
}

fn main() {}
