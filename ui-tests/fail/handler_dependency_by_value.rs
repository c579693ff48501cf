use linkbus::{Query, handler};
use std::sync::Arc;

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

struct Users;

#[handler]
fn get_user(_: &GetUser, users: Arc<Users>) -> String {
    let Users = *users;
    String::new()
}

fn main() {}
