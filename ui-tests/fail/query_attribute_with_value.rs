use linkbus::Query;

#[derive(Query)]
#[query = "String"]
struct GetUser;

fn main() {}
