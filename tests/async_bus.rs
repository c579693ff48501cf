//! The async bus: async and plain handlers side by side, everything inside the future that the caller polls.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt, future::join_all};
use linkbus::{AnyError, Bus, Command, DispatchError, Event, ExecuteError, Query, SendError, Task, handler};
use tokio::{sync::Barrier, task::yield_now, time::timeout};

const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Query)]
#[query(reply = u32)]
struct Double(u32);

#[derive(Query)]
#[query(reply = u32)]
struct Triple(u32);

#[derive(Command)]
struct Save(u32);

#[derive(Task)]
struct Index(u32);

#[derive(Event)]
struct Saved(u32);

mod mixed {
    use super::{Bus, Double, Save, Saved, Triple, handler, yield_now};

    #[handler]
    async fn double(query: &Double) -> u32 {
        yield_now().await;
        query.0 * 2
    }

    #[handler]
    fn triple(query: &Triple) -> u32 {
        query.0 * 3
    }

    #[handler]
    async fn save(command: Save, bus: &Bus) -> Result<(), linkbus::AnyError> {
        let number = bus.send(Double(command.0)).await? + bus.send(Triple(command.0)).await?;
        bus.publish(Saved(number)).await?;
        Ok(())
    }

    linkbus::module! { messages: [Double, Triple, Save, Saved], handlers: [double, triple, save] }
}

/// Async and plain handlers answer to the same call.
#[tokio::test]
async fn both_sorts_of_handler_answer() {
    let bus = Bus::empty().modules([mixed::MODULE]).build().unwrap();
    assert_eq!(bus.send(Double(21)).await.unwrap(), 42);
    assert_eq!(bus.send(Triple(7)).await.unwrap(), 21);
}

/// L11: an async handler may send and publish on the bus that called it.
#[tokio::test]
async fn a_command_may_send_and_publish_on_its_own_bus() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let bus = Bus::empty()
        .modules([mixed::MODULE])
        .subscribe(move |event: &Saved| log.lock().unwrap().push(event.0))
        .build()
        .unwrap();
    bus.execute(Save(4)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [20]);
}

/// LA1: five sends are under way at once: each waits until all five handlers have started.
#[tokio::test]
async fn concurrent_sends_interleave() {
    let barrier = Arc::new(Barrier::new(5));
    let bus = Bus::empty()
        .query_async(move |query: Double| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                query.0 * 2
            }
        })
        .build()
        .unwrap();
    let replies = join_all((0..5).map(|number| bus.send(Double(number))));
    let replies = timeout(DEADLINE, replies).await.expect("the sends run one after the other");
    assert_eq!(replies.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
}

/// A dispatch does nothing before it is polled, and a plain handler is done in the first poll.
#[test]
fn a_dispatch_is_lazy_and_a_plain_handler_is_ready_at_once() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let bus = Bus::empty().command(move |command: Save| log.lock().unwrap().push(command.0)).build().unwrap();
    drop(bus.execute(Save(1)));
    assert!(seen.lock().unwrap().is_empty());
    bus.execute(Save(2)).now_or_never().expect("ready in the first poll").unwrap();
    assert_eq!(*seen.lock().unwrap(), [2]);
}

/// L2: without a handler each verb fails with the name of its message.
#[tokio::test]
async fn a_message_without_a_handler_is_an_error_that_names_it() {
    let bus = Bus::empty().partial().build().unwrap();
    let query = bus.send(Double(1)).await.unwrap_err();
    let command = bus.execute(Save(1)).await.unwrap_err();
    let task = bus.dispatch(Index(1)).await.unwrap_err();
    assert!(matches!(query, SendError::NoHandler { message: "async_bus.Double" }));
    assert!(matches!(command, ExecuteError::NoHandler { message: "async_bus.Save" }));
    assert!(matches!(task, DispatchError::NoHandler { message: "async_bus.Index" }));
    assert!(bus.wiring().routes().is_empty());
}

/// LA5: a plain function is a handler like any other: its reply and its error are the dispatch's.
#[tokio::test]
async fn a_plain_function_may_fail_on_the_async_bus() {
    let bus = Bus::empty()
        .query(|query: Double| query.0.checked_mul(2).ok_or("too large"))
        .task(|_: Index| Err::<(), _>("no index"))
        .build()
        .unwrap();
    assert_eq!(bus.send(Double(3)).await.unwrap(), 6);
    assert_eq!(bus.send(Double(u32::MAX)).await.unwrap_err().to_string(), "too large");
    assert_eq!(bus.dispatch(Index(1)).await.unwrap_err().to_string(), "no index");
}

fn raise(payload: &'static str) {
    std::panic::panic_any(payload);
}

/// What a dispatch panics with.
async fn payload_of<T>(dispatch: impl Future<Output = T>) -> Box<dyn Any + Send> {
    let mut dispatch = pin!(dispatch);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| dispatch.as_mut().poll(context))) {
        Ok(polled) => polled.map(|_| panic!("expected a panic")),
        Err(payload) => Poll::Ready(payload),
    })
    .await
}

/// A query, command or task that panics unwinds into its caller, before and after an await, and the bus works on.
#[tokio::test]
async fn a_panic_unwinds_into_the_caller_and_leaves_the_bus_whole() {
    let bus = Bus::empty()
        .query_async(|query: Double| async move {
            assert!(query.0 != 0, "before");
            yield_now().await;
            if query.0 == 1 {
                std::panic::panic_any(17_u64);
            }
            query.0 * 2
        })
        .command(|_: Save| raise("plain"))
        .build()
        .unwrap();
    for _ in 0..50 {
        assert_eq!(payload_of(bus.send(Double(0))).await.downcast_ref(), Some(&"before"));
        assert_eq!(payload_of(bus.send(Double(1))).await.downcast_ref(), Some(&17_u64));
        assert_eq!(payload_of(bus.execute(Save(0))).await.downcast_ref(), Some(&"plain"));
        assert_eq!(bus.send(Double(2)).await.unwrap(), 4);
    }
}

/// L14: a bus is shared by tasks on eight threads.
#[test]
fn eight_threads_dispatch_at_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(8).enable_time().build().unwrap();
    let total = Arc::new(Mutex::new(0));
    let sum = Arc::clone(&total);
    let bus = Bus::empty()
        .modules([mixed::MODULE])
        .subscribe_async(move |event: &Saved| {
            let (sum, number) = (Arc::clone(&sum), event.0);
            async move {
                yield_now().await;
                *sum.lock().unwrap() += number;
            }
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        // All eight are at work before the first goes on.
        let start = Arc::new(Barrier::new(8));
        let workers = (0..8).map(|_| {
            let (bus, start) = (bus.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                for number in 0..200 {
                    assert_eq!(bus.send(Double(number)).await.unwrap(), number * 2);
                    bus.execute(Save(1)).await.unwrap();
                }
            })
        });
        for worker in join_all(workers).await {
            worker.unwrap();
        }
    });
    assert_eq!(*total.lock().unwrap(), 8 * 200 * 5);
}

fn recording(kind: &str) -> (Bus, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = {
        let (seen, kind) = (Arc::clone(&seen), kind.to_owned());
        move |number: u32| {
            let (seen, kind) = (Arc::clone(&seen), kind.clone());
            async move {
                yield_now().await;
                seen.lock().unwrap().push(format!("{kind} {number}"));
                if number == 3 { Err(AnyError::from("three")) } else { Ok(()) }
            }
        }
    };
    let (command, event, task) = (record.clone(), record.clone(), record);
    let bus = Bus::empty()
        .command_async(move |it: Save| command(it.0))
        .subscribe_async(move |it: &Saved| event(it.0))
        .task_async(move |it: Index| task(it.0))
        .build()
        .unwrap();
    (bus, seen)
}

/// P4: the batches run in order, stop at the first error, tell its position, and do not send the rest.
#[tokio::test]
async fn a_batch_stops_at_its_first_error() {
    let (bus, seen) = recording("did");
    let commands = bus.execute_many([Save(1), Save(2), Save(3), Save(4)]).await.unwrap_err();
    assert_eq!((commands.completed, commands.error.to_string()), (2, "three".to_owned()));
    let events = bus.publish_many([Saved(3), Saved(1)]).await.unwrap_err();
    assert_eq!((events.completed, events.error.failures().len()), (0, 1));
    let tasks = bus.dispatch_many(vec![Index(1), Index(3)]).await.unwrap_err();
    assert!(matches!(tasks.error, DispatchError::Handler(_)));
    assert_eq!(tasks.completed, 1);
    assert_eq!(*seen.lock().unwrap(), ["did 1", "did 2", "did 3", "did 3", "did 1", "did 3"]);
}

/// P4: an empty batch does nothing, and succeeds.
#[tokio::test]
async fn an_empty_batch_succeeds() {
    let bus = Bus::empty().partial().build().unwrap();
    bus.execute_many(Vec::<Save>::new()).await.unwrap();
    bus.publish_many(Vec::<Saved>::new()).await.unwrap();
    bus.dispatch_many(Vec::<Index>::new()).await.unwrap();
}

/// P4: a batch is a loop: the second message is not even taken from the iterator before the first is handled.
#[tokio::test]
async fn a_batch_is_sent_one_by_one() {
    let (bus, seen) = recording("handled");
    let log = Arc::clone(&seen);
    let commands = (1..=2).map(move |number| {
        log.lock().unwrap().push(format!("taken {number}"));
        Save(number)
    });
    bus.execute_many(commands).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["taken 1", "handled 1", "taken 2", "handled 2"]);
}
