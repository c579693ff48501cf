//! Structs with names, tuple and unit structs, enums; with serde, and with every argument.

use linkbus::{Command, Event, Message, Query, Task};
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error)]
#[error("no such user")]
struct NoSuchUser;

#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Option<String>, error = NoSuchUser, name = "users.get")]
struct GetUser {
    #[serde(rename = "user")]
    #[bus(key)]
    id: u32,
    #[bus(secret)]
    token: String,
}

#[derive(Command)]
#[command(error = NoSuchUser)]
#[command(name = "users:rename",)]
struct Rename(#[bus(key, secret)] u32, String);

#[derive(Event)]
struct Renamed;

#[derive(Task)]
#[task()]
enum Mail {
    Welcome { #[bus(key)] to: String, #[bus(secret)] text: String },
    Goodbye(#[bus(key)] String),
    Nothing,
}

/// Replies may be tuples, units and types with parameters.
#[derive(Query)]
#[query(reply = (Vec<u8>, Result<(), [u8; 4]>))]
struct Bytes {}

fn main() {
    assert_eq!(GetUser::FACTS.name, "users.get");
    assert!(GetUser::FACTS.abilities.serialize && GetUser::FACTS.abilities.clone);
    assert!(GetUser::FACTS.fields[0].key && GetUser::FACTS.fields[1].secret);
    assert_eq!(Rename::FACTS.name, "users:rename");
    assert_eq!(Mail::FACTS.fields.len(), 3);
    assert_eq!(Bytes::FACTS.docs, "Replies may be tuples, units and types with parameters.");
    let _ = (GetUser { id: 1, token: String::new() }, Rename(1, String::new()), Renamed, Bytes {});
    let _ = (Mail::Welcome { to: String::new(), text: String::new() }, Mail::Goodbye(String::new()), Mail::Nothing);
}
