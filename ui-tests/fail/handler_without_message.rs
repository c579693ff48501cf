use linkbus::handler;

#[handler]
fn get_user() -> String {
    String::new()
}

fn main() {}
