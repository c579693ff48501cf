use linkbus::{Query, QueryHandle};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn extend(queries: &QueryHandle) {
    queries.query(|_: IsOpen| true);
}

fn main() {}
