use linkbus::{Query, handler, roles::QueryDispatcher};

#[derive(Query)]
#[query(reply = u32)]
struct Next;

#[handler]
async fn next(_: Next, queries: &impl QueryDispatcher) -> u32 {
    let _ = queries;
    7
}

fn main() {}
