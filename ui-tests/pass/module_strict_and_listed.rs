//! `module!` in a crate that denies what there is to deny.

#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]

use linkbus::{Command, Query, SyncBus, handler, handlers};

/// Asks.
#[derive(Query)]
#[query(reply = u8)]
pub struct Ask;

/// Does.
#[derive(Command)]
pub struct Do;

mod service {
    use super::{Do, handlers};

    pub(crate) struct Service;

    #[handlers]
    impl Service {
        #[handler]
        pub(crate) fn perform(&self, _: &Do) {}
    }
}

#[handler]
fn ask(_: Ask) -> u8 {
    7
}

linkbus::module!(messages: [Ask, Do], handlers: [ask, service::Service::perform]);

mod linked {
    linkbus::module!();
}

fn main() {
    let bus = SyncBus::empty().modules([MODULE]).provide(service::Service).build().unwrap();
    assert_eq!(bus.send(Ask).unwrap(), 7);
    assert_eq!(linked::MODULE.name(), MODULE.name());
}
