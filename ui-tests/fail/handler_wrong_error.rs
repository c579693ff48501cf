use linkbus::{Query, handler};

#[derive(Debug, thiserror::Error)]
#[error("no such user")]
struct NoSuchUser;

#[derive(Query)]
#[query(reply = String, error = NoSuchUser)]
struct GetUser;

#[handler]
fn get_user(_: &GetUser) -> Result<String, std::fmt::Error> {
    Ok(String::new())
}

fn main() {}
