use linkbus::Query;

#[derive(Query)]
#[query(reply = &str)]
struct GetName;

fn main() {}
