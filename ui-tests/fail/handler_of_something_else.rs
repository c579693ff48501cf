use linkbus::handler;

struct GetUser;

#[handler]
fn get_user(query: &GetUser) -> String {
    let GetUser = query;
    String::new()
}

fn main() {}
