use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

#[handler]
fn get_user(_: &GetUser) -> Result<u32, std::fmt::Error> {
    Ok(7)
}

fn main() {}
