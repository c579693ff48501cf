use linkbus::Task;
use serde::Serialize;

#[derive(Task, Serialize)]
enum Mail {
    Welcome(String),
    #[serde(untagged)]
    Code(u32, #[bus(secret)] String),
}

fn main() {}
