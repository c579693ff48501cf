use linkbus::{Query, handler};

#[derive(Query)]
#[query(reply = String)]
struct GetUser;

struct Users;

impl Users {
    #[handler]
    fn get_user(&self, _: &GetUser) -> String {
        String::new()
    }
}

fn main() {}
