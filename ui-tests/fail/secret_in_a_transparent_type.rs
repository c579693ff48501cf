use linkbus::Command;
use serde::Serialize;

#[derive(Command, Serialize)]
#[serde(transparent)]
struct Login {
    #[bus(secret)]
    password: String,
}

fn main() {}
