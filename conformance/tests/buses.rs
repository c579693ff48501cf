//! Each bus without anything around it.

#[macro_use]
mod support;

use linkbus::Bus;
use linkbus_conformance::Blocking;

on_bus!(bus, |wired| wired.build().unwrap());
on_waiting_bus!(waiting_bus, |wired| wired.build().unwrap());
on_sync_bus!(sync_bus, |wired| Blocking(wired.build().unwrap()));
