//! What a crate forbids cannot be allowed in it: the expansions allow nothing by themselves.

#![forbid(unsafe_code, missing_docs, deprecated, non_camel_case_types, unused_imports, unused_qualifications)]
#![forbid(dead_code, unreachable_pub)]

use linkbus::{Bus, Command, Event, handler, handlers};

/// Does.
#[derive(Command, Clone)]
pub struct Do(pub u32);

/// Is done.
#[derive(Event)]
pub struct Done;

#[handler]
async fn perform(_: Do, _: &u8, bus: &Bus) -> Result<(), linkbus::PublishError> {
    bus.publish(Done).await
}

struct Service;

#[handlers]
impl Service {
    #[handler]
    fn done(&self, _: &Done) {}
}

linkbus::module!(messages: [Do, Done], handlers: [perform, Service::done]);

fn main() {
    Service.done(&Done);
}
