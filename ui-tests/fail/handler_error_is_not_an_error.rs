use linkbus::{Query, handler};

struct NoSuchUser;

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

#[handler]
fn get_user(_: &GetUser) -> Result<String, NoSuchUser> {
    Ok(String::new())
}

fn main() {}
