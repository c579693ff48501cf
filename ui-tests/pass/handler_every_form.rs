//! Sync and async, by value and by reference, every return type and every parameter.

use linkbus::{Bus, Command, Context, Event, Query, SyncBus, Task, handler, roles::*};
use std::sync::{Arc, Mutex};

#[derive(Debug, thiserror::Error)]
#[error("no")]
struct No;

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl From<Never> for No {
    fn from(_: Never) -> Self {
        No
    }
}

#[derive(Query)]
#[query(reply = String, error = No)]
struct Get(u8);

#[derive(Command)]
struct Put;

#[derive(Event, Clone)]
struct Done;

#[derive(Task)]
struct Work;

trait Store: Send + Sync {}
struct Disk;
impl Store for Disk {}

trait Clock {}
impl Clock for Disk {}

fn main() {}

mod by_value {
    use super::*;

    #[handler]
    fn get(query: Get) -> String {
        query.0.to_string()
    }
    #[handler]
    async fn put(_command: Put) {}
    #[handler]
    fn done(_: Done) {}
    #[handler]
    fn work(Work: Work) -> Result<(), No> {
        Ok(())
    }
}

mod by_reference {
    use super::*;

    #[handler]
    async fn get<'a>(query: &'a Get) -> Result<String, No> {
        Ok(query.0.to_string())
    }
    #[handler]
    fn put(_: &Put) {}
    #[handler]
    async fn done(_: &Done) -> Result<(), std::io::Error> {
        Ok(())
    }
    #[handler]
    async fn work(_: &Work) -> std::fmt::Result {
        Ok(())
    }
}

mod errors {
    use super::*;

    #[handler]
    fn converts(_: &Get) -> Result<String, Never> {
        Err(Never)
    }
    #[handler]
    fn boxed(_: &Put) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
    #[handler]
    fn any(_: &Put) -> Result<(), linkbus::AnyError> {
        Ok(())
    }
}

mod dependencies {
    use super::*;

    #[handler]
    fn by_type(_: &Get, disk: &Disk, shared: &Arc<Disk>, count: &Mutex<Vec<u32>>, pair: &(u8, [&'static str; 2])) -> String {
        let _ = (disk, shared, count, pair);
        String::new()
    }
    #[handler]
    async fn by_trait(_: &Put, store: &dyn Store, size: &(dyn for<'a> Fn(&'a str) -> usize + Send + Sync), clock: &(dyn Clock + Send + Sync)) {
        let _ = (store, size, clock);
    }
}

mod buses {
    use super::*;

    #[handler]
    async fn whole(_: &Put, bus: &Bus, context: &Context) {
        let _ = (bus.publish(Done).await, context.id());
    }
    #[handler]
    async fn role(_: &Put, bus: &impl AsyncQueryDispatcher, context: &linkbus::Context) {
        let _ = (bus.send(Get(1)).await, context.id());
    }
    #[handler]
    async fn roles(_: &Put, bus: &(impl AsyncQueryDispatcher + AsyncMessageDispatcher)) {
        let _ = (bus.send(Get(1)).await, bus.publish(Done).await);
    }
    #[handler]
    fn sync(_: &Put, bus: &SyncBus, context: &Context) {
        let _ = (bus.publish(Done), context.id());
    }
    #[handler]
    fn sync_role(_: &Put, bus: &impl MessageDispatcher) {
        let _ = bus.publish(Done);
    }
    #[handler]
    fn sync_function_on_the_async_bus(_: &Put, bus: &linkbus::Bus) {
        let _ = bus;
    }
    #[handler]
    fn handle(_: &Put, queries: &linkbus::QueryHandle) {
        let _ = queries;
    }
}
