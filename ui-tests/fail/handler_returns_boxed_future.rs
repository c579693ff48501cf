use linkbus::{Query, handler};
use std::{future::{Future, ready}, pin::Pin};

#[derive(Query)]
#[query(reply = u32)]
struct Next;

#[handler]
fn next(_: Next) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(ready(7))
}

fn main() {}
