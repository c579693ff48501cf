use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

struct Users;

#[handler]
fn get_user(_: &GetUser, users: &'static Users) -> String {
    let Users = *users;
    String::new()
}

fn main() {}
