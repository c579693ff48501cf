//! Raw identifiers, names of the prelude, and names that an expansion might want for itself.

use linkbus::{Command, Event, Message, Query, SyncBus, handler, handlers};

#[allow(dead_code)]
mod shadows {
    pub struct Result;
    pub struct Option;
    pub struct String;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub struct Box;
    pub struct Vec;
    pub struct Send;
    pub struct Sync;
    pub struct Clone;
    pub mod core {}
    pub mod std {}
}
#[allow(unused_imports)]
use shadows::*;

#[derive(Query)]
#[query(reply = u8)]
struct r#type {
    r#match: u8,
    #[bus(key)]
    r#struct: u8,
}

#[handler]
fn r#fn(r#type { r#match, r#struct }: &r#type) -> u8 {
    *r#match + *r#struct
}

/// The parameter of a generic implementation is often called `B`; so may a message be, or a dependency.
#[derive(Command)]
struct B;
#[derive(Command)]
struct M;
struct T;

#[handler]
fn message(_: M, bus: &T, needs: &u8) {
    let _ = (bus, needs);
}

#[handler]
fn context(_: B, context: &linkbus::Context) {
    let _ = context;
}

#[derive(Event)]
struct outcome;

mod same_names_as_locals {
    use super::*;

    #[handler]
    fn needs(_: &outcome, bus: &T) {
        let _ = bus;
    }
    #[handler]
    fn bus(_: &outcome, message: &T) {
        let _ = message;
    }
    #[handler]
    fn outcome(_: &super::outcome) {}
    #[handler]
    fn provided(_: &super::outcome, T: &T) {}
    #[handler]
    fn call(_: &super::outcome) {}
}

struct r#loop;

#[handlers]
impl r#loop {
    #[handler]
    fn r#while(&self, _: &outcome) {}
}

linkbus::module!(messages: [r#type], handlers: [r#fn]);

fn main() {
    assert_eq!(r#type::FACTS.fields[0].name, "match");
    assert!(r#type::FACTS.name.ends_with(".type"), "{}", r#type::FACTS.name);
    assert!(r#type::FACTS.type_name.ends_with("::type"), "{}", r#type::FACTS.type_name);
    let bus = SyncBus::builder().provide(T).provide(7_u8).provide(r#loop).build().unwrap();
    assert!(bus.send(r#type { r#match: 1, r#struct: 2 }).is_ok_and(|sum| sum == 3));
    let wiring = bus.wiring().to_string();
    assert!(wiring.contains("loop::while") && !wiring.contains("r#"), "{wiring}");
}
