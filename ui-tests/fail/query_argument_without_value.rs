use linkbus::Query;

#[derive(Query)]
#[query(reply)]
struct GetUser;

fn main() {}
