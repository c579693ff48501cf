//! Attributes around `#[handler]` keep their meaning, whichever side they stand on.

#![deny(warnings)]

use linkbus::{Command, Message, SyncBus, handler};

#[derive(Command)]
pub struct Open;

#[derive(Command)]
#[deprecated]
pub struct Close;

/// Opens.
///
/// Twice.
#[must_use]
#[handler]
#[inline(never)]
#[allow(clippy::unnecessary_wraps)]
pub const fn open(_: &Open) -> Result<(), std::fmt::Error> {
    Ok(())
}

#[cfg(any())]
#[handler]
fn never(_: NoSuchType) {}

#[handler]
#[cfg(any())]
fn never_either(_: NoSuchType) {}

#[allow(deprecated)]
#[handler]
#[deprecated = "opens instead"]
#[expect(unused_variables)]
fn close(command: &Close, unused: &u32) {}

fn main() {
    assert!(open(&Open).is_ok());
    let bus = SyncBus::builder().provide(7_u32).build().unwrap();
    let handlers = bus.wiring().to_string();
    assert!(handlers.contains("open") && handlers.contains("close"), "{handlers}");
    assert_eq!(Open::FACTS.name, "linkbus.Open".replace("linkbus", Open::FACTS.name.split('.').next().unwrap()));
}
