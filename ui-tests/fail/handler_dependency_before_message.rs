use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

struct Users;

#[handler]
fn get_user(users: &Users, query: &GetUser) -> String {
    let (Users, GetUser) = (users, query);
    String::new()
}

fn main() {}
