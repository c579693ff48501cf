use linkbus::{Query, roles::QueryDispatcher};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn extend(queries: &impl QueryDispatcher) {
    queries.query(|_: IsOpen| true);
}

fn main() {}
