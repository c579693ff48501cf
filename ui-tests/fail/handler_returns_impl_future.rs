use linkbus::{Query, handler};
use std::future::{Future, ready};

#[derive(Query)]
#[query(reply = u32)]
struct Next;

#[handler]
fn next(_: Next) -> impl Future<Output = u32> {
    ready(7)
}

fn main() {}
