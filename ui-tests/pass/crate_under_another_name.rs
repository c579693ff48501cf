//! A crate that re-exports linkbus, or knows it by another name, says so with `crate = ..`.

mod company {
    pub use linkbus as bus;
}

use company::bus::{Command, Event, Query, SyncBus, Task, handler, handlers};

// Whatever is found under this name now, it is not linkbus.
mod linkbus_is_not_here {}

#[derive(Query)]
#[query(reply = u8, crate = crate::company::bus)]
struct Ask;

#[derive(Command)]
#[command(crate = crate::company::bus)]
struct Do;

#[derive(Event)]
#[event(crate = company::bus)]
struct Done;

#[derive(Task)]
#[task(crate = company::bus)]
struct Work;

#[handler(crate = company::bus)]
fn ask(_: Ask, bus: &SyncBus) -> u8 {
    bus.publish(Done).unwrap();
    7
}

struct Service;

#[handlers(crate = company::bus)]
impl Service {
    #[handler]
    fn perform(&self, _: Do) {}

    #[handler]
    fn work(&self, _: Work, context: &company::bus::Context, bus: &company::bus::SyncBus) {
        assert_eq!(context.causation_id(), None);
        assert_eq!(bus.send(Ask).unwrap(), 7);
    }
}

company::bus::modules!(crate = company::bus; thiserror, !serde);

mod listed {
    use crate::*;

    company::bus::module!(crate = company::bus, messages: [Ask], handlers: [ask, Service::perform, Service::work]);
}

fn main() {
    let bus = SyncBus::empty().modules([listed::MODULE]).provide(Service).build().unwrap();
    assert_eq!(bus.send(Ask).unwrap(), 7);
    bus.execute(Do).unwrap();
    bus.dispatch(Work).unwrap();
}
