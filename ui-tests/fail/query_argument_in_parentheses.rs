use linkbus::Query;

#[derive(Query)]
#[query(reply(String))]
struct GetUser;

fn main() {}
