use linkbus::Command;

#[derive(Command)]
struct Login {
    #[bus(secret = true)]
    password: String,
}

fn main() {}
