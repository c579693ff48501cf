use linkbus::Command;

#[derive(Command)]
struct Login {
    #[bus(secret)]
    #[bus(secret)]
    password: String,
}

fn main() {}
