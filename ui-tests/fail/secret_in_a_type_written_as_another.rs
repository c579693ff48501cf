use linkbus::Command;
use serde::Serialize;

#[derive(Command, Clone, Serialize)]
#[serde(into = "String")]
struct Login {
    #[bus(secret)]
    password: String,
}

impl From<Login> for String {
    fn from(login: Login) -> Self {
        login.password
    }
}

fn main() {}
