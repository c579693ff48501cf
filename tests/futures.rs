//! The futures of the async bus: small, `Send`, and holding nothing but the call.

use std::{mem::size_of, sync::Arc};

use linkbus::{
    AnyError, Bus, BusHandle, Command, CommandHandle, Event, EventHandle, Query, QueryHandle, SyncBus, Task,
    TaskHandle, handler,
};
use tokio::task::yield_now;

/// What the future of a dispatch may weigh beyond the message and the reply.
const ROOM: usize = 72;

macro_rules! query {
    ($name:ident, $handler:ident, $message:ty => $reply:ty, $($sort:tt)+) => {
        #[derive(Query)]
        #[query(reply = $reply)]
        struct $name(#[expect(dead_code, reason = "only its size counts")] $message);

        #[handler]
        $($sort)+ $handler(_: $name) -> $reply {
            <$reply>::from([0; size_of::<$reply>()])
        }
    };
}

query!(SmallSync, small_sync, [u8; 8] => [u8; 8], fn);
query!(SmallAsync, small_async, [u8; 8] => [u8; 8], async fn);
query!(LargeSync, large_sync, [u8; 1024] => [u8; 1024], fn);
query!(LargeAsync, large_async, [u8; 1024] => [u8; 1024], async fn);
query!(LargeQuestion, large_question, [u8; 1024] => [u8; 1], async fn);
query!(LargeAnswer, large_answer, [u8; 1] => [u8; 1024], async fn);

#[derive(Command)]
struct Store(#[expect(dead_code, reason = "only its size counts")] [u8; 1024]);

#[derive(Task)]
struct Crunch(#[expect(dead_code, reason = "only its size counts")] [u8; 1024]);

#[derive(Event)]
struct Stored(#[expect(dead_code, reason = "only its size counts")] [u8; 1024]);

#[handler]
async fn store(_: Store) -> Result<(), AnyError> {
    yield_now().await;
    Ok(())
}

#[handler]
async fn crunch(_: Crunch) {
    yield_now().await;
}

#[handler]
async fn on_stored(_: &Stored) {
    yield_now().await;
}

fn assert_at_most<T>(_: &T, payload: usize, what: &str) {
    let size = size_of::<T>();
    assert!(size <= payload + ROOM, "{what}: {size} bytes for {payload} of message and reply");
}

/// The future of a send is the message, the reply and at most 72 bytes, whatever the handler's own future weighs.
#[test]
fn the_future_of_a_send_is_small() {
    let bus = Bus::builder().build().unwrap();
    assert_at_most(&bus.send(SmallSync([0; 8])), 16, "small, plain");
    assert_at_most(&bus.send(SmallAsync([0; 8])), 16, "small, async");
    assert_at_most(&bus.send(LargeSync([0; 1024])), 2048, "large, plain");
    assert_at_most(&bus.send(LargeAsync([0; 1024])), 2048, "large, async");
    assert_at_most(&bus.send(LargeQuestion([0; 1024])), 1025, "large question, async");
    assert_at_most(&bus.send(LargeAnswer([0; 1])), 1025, "large answer, async");
}

/// The other verbs, which have no reply, too.
#[test]
fn the_futures_of_the_other_verbs_are_small() {
    let bus = Bus::builder().build().unwrap();
    assert_at_most(&bus.execute(Store([0; 1024])), 1024, "execute");
    assert_at_most(&bus.dispatch(Crunch([0; 1024])), 1024, "dispatch");
    assert_at_most(&bus.publish(Stored([0; 1024])), 1024 + 256, "publish");
}

/// The handlers that these futures are measured against do answer.
#[tokio::test]
async fn the_measured_handlers_answer() {
    let bus = Bus::builder().build().unwrap();
    assert_eq!(bus.send(LargeAsync([1; 1024])).await.unwrap(), [0; 1024]);
    assert_eq!(bus.send(LargeQuestion([1; 1024])).await.unwrap(), [0]);
    bus.execute(Store([0; 1024])).await.unwrap();
    bus.dispatch(Crunch([0; 1024])).await.unwrap();
    bus.publish(Stored([0; 1024])).await.unwrap();
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn is_shared<T: Send + Sync + Clone + 'static>() {}

/// Every future of the bus may be spawned on a runtime with threads.
#[tokio::test(flavor = "multi_thread")]
async fn dispatches_are_send() {
    let bus = Bus::builder().build().unwrap();
    let clone = bus.clone();
    let spawned = tokio::spawn(async move {
        is_send(clone.send(SmallAsync([0; 8]))).await.unwrap();
        is_send(clone.execute(Store([0; 1024]))).await.unwrap();
        is_send(clone.dispatch(Crunch([0; 1024]))).await.unwrap();
        is_send(clone.publish(Stored([0; 1024]))).await.unwrap();
        is_send(clone.execute_many([Store([0; 1024])])).await.unwrap();
        is_send(clone.publish_many([Stored([0; 1024])])).await.unwrap();
        is_send(clone.dispatch_many([Crunch([0; 1024])])).await.unwrap();
        clone.handle().queries().send(LargeAsync([0; 1024])).await.unwrap()
    });
    assert_eq!(spawned.await.unwrap(), [0; 1024]);
}

/// Both buses and all handles go anywhere; a clone is one more reference to the same bus.
#[test]
fn buses_and_handles_are_shared_freely() {
    is_shared::<Bus>();
    is_shared::<SyncBus>();
    is_shared::<BusHandle>();
    is_shared::<BusHandle<SyncBus>>();
    is_shared::<(QueryHandle, CommandHandle, EventHandle, TaskHandle)>();
    is_shared::<(QueryHandle<SyncBus>, CommandHandle<SyncBus>, EventHandle<SyncBus>, TaskHandle<SyncBus>)>();
    assert_eq!(size_of::<Bus>(), size_of::<Arc<()>>());
    assert_eq!(size_of::<SyncBus>(), size_of::<Arc<()>>());
}
