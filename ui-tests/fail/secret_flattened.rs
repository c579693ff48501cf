use linkbus::Command;
use serde::Serialize;

#[derive(Serialize)]
struct Credentials {
    password: String,
}

#[derive(Command, Serialize)]
struct Login {
    #[bus(secret)]
    #[serde(flatten)]
    credentials: Credentials,
}

fn main() {}
