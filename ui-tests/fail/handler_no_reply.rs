use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

#[handler]
fn get_user(_: &GetUser) {}

fn main() {}
