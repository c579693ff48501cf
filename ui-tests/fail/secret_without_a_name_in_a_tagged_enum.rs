use linkbus::Task;
use serde::Serialize;

#[derive(Task, Serialize)]
#[serde(tag = "type")]
enum Mail {
    Reset { #[bus(secret)] token: String },
    Code(#[bus(secret)] std::collections::BTreeMap<String, String>),
}

fn main() {}
