use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetName {
    name: String,
}

#[handler]
fn get_name(query: &GetName) -> &str {
    &query.name
}

fn main() {}
