use linkbus::Query;

#[derive(Query)]
#[command(reply = String)]
struct GetName;

fn main() {}
