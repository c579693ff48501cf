use linkbus::Query;

#[derive(Query)]
#[query(reply = T)]
struct Get<T> {
    key: T,
}

fn main() {}
