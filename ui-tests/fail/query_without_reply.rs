use linkbus::Query;

#[derive(Query)]
struct GetUser {
    id: u32,
}

#[linkbus::handler]
fn get_user(query: &GetUser) -> String {
    query.id.to_string()
}

fn main() {}
