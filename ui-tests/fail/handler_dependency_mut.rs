use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

struct Users;

#[handler]
fn get_user(_: &GetUser, users: &mut Users) -> String {
    let Users = *users;
    String::new()
}

fn main() {}
