use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

#[handler]
fn get_user(_: &GetUser) -> u32 {
    7
}

fn main() {}
