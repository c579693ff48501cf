use linkbus::{Query, handler};
use std::rc::Rc;

#[derive(Query)]
#[query(reply = u32)]
struct Next;

#[handler]
async fn next(_: &Next) -> u32 {
    let shared = Rc::new(7);
    std::future::ready(()).await;
    *shared
}

fn main() {}
