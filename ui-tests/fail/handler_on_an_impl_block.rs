use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

struct Users;

#[handler]
impl Users {
    fn get_user(&self, _: &GetUser) -> String {
        String::new()
    }
}

fn main() {}
