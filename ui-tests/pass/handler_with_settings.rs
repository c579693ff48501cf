//! What a handler says about the layers around it.
#![deny(warnings, clippy::pedantic)]

mod company {
    pub use linkbus as bus;
}

use std::time::Duration;

use linkbus::{Command, Query, SyncBus, Task, handler, handlers};

#[derive(Query)]
#[query(reply = u8)]
struct Ask;

#[derive(Command, Clone)]
struct Do;

#[derive(Command)]
struct DoOnce;

#[derive(Task)]
#[task(crate = company::bus)]
struct Work;

#[derive(Task)]
struct Rest;

#[handler(retry(max = 5, base = "50ms", cap = "1s"), timeout = "2s")]
fn ask(_: &Ask) -> u8 {
    7
}

/// By value: it is `Clone`.
#[handler(timeout = "1.5m", retry)]
fn act(_: Do) {}

/// By value: there is no second attempt.
#[handler(retry(max = 1,),)]
fn act_once(_: DoOnce) {}

struct Service;

#[handlers(crate = company::bus)]
impl Service {
    #[handler(retry(base = "250us"))]
    fn work(&self, _: &Work) {}

    #[handler]
    fn rest(&self, _: &Rest) {}
}

fn main() {
    let bus = SyncBus::builder().provide(Service).build().unwrap();
    let settings = |name: &str| {
        let route = bus.wiring().routes().iter().find(|route| route.handlers[0].name == name).unwrap();
        route.handlers[0].settings
    };
    let ask = settings("ask");
    assert_eq!(ask.timeout, Some(Duration::from_secs(2)));
    let retry = ask.retry.unwrap();
    assert_eq!((retry.max, retry.base, retry.cap), (Some(5), Some(Duration::from_millis(50)), Some(Duration::from_secs(1))));
    let act = settings("act");
    assert_eq!(act.timeout, Some(Duration::from_secs(90)));
    assert_eq!(act.retry, Some(Default::default()));
    assert_eq!(settings("act_once").retry.unwrap().max, Some(1));
    assert_eq!(settings("Service::work").retry.unwrap().base, Some(Duration::from_micros(250)));
    assert_eq!(settings("Service::rest"), Default::default());
}
