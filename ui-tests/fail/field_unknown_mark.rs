use linkbus::Command;

#[derive(Command)]
struct Login {
    #[bus(sensitive)]
    password: String,
}

fn main() {}
