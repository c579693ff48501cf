use linkbus::handler;

#[handler]
struct Users;

fn main() {}
