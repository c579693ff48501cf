//! The synchronous bus: a dispatch is a call of the handler on the caller's thread.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};

use linkbus::{AnyError, Command, DispatchError, Event, ExecuteError, Query, SendError, SyncBus, Task, handler};

#[derive(Query)]
#[query(reply = Arc<Vec<u8>>)]
struct Echo(Arc<Vec<u8>>);

#[derive(Query)]
#[query(reply = Option<u32>)]
struct Find {
    id: u32,
}

#[derive(Query)]
#[query(reply = ThreadId)]
struct WhichThread;

#[derive(Query)]
#[query(reply = usize)]
struct Count;

#[derive(Command, Clone, Debug, PartialEq)]
struct Rename {
    from: String,
    to: String,
}

#[derive(Task)]
struct Resize(u32);

#[derive(Event)]
struct Renamed;

mod typed {
    use super::{Find, Query, Rename, handler};

    #[handler]
    fn find(query: &Find) -> Option<u32> {
        (query.id == 7).then_some(7)
    }

    #[handler]
    fn rename(command: &Rename) -> Result<(), std::fmt::Error> {
        if command.to.is_empty() { Err(std::fmt::Error) } else { Ok(()) }
    }

    linkbus::module! { messages: [Find, Rename], handlers: [find, rename] }

    pub(super) fn reply_of<Q: Query<Reply = Option<u32>>>(_: &Q) {}
}

/// L1: no copy is made of the query or of its reply: what the handler returns is what the caller gets.
#[test]
fn send_returns_the_very_value_of_the_handler() {
    let bus = SyncBus::empty().query(|query: Echo| query.0).build().unwrap();
    let sent = Arc::new(vec![1, 2, 3]);
    let reply = bus.send(Echo(Arc::clone(&sent))).unwrap();
    assert!(Arc::ptr_eq(&sent, &reply));
    assert_eq!(Arc::strong_count(&sent), 2);
}

/// L1: "nothing" is a reply like any other.
#[test]
fn a_reply_may_be_none() {
    let bus = SyncBus::empty().modules([typed::MODULE]).build().unwrap();
    assert_eq!(bus.send(Find { id: 7 }).unwrap(), Some(7));
    assert_eq!(bus.send(Find { id: 8 }).unwrap(), None);
}

/// L1: a handler runs on the thread of its caller.
#[test]
fn a_handler_runs_on_the_callers_thread() {
    let bus = SyncBus::empty().query(|_: WhichThread| thread::current().id()).build().unwrap();
    assert_eq!(bus.send(WhichThread).unwrap(), thread::current().id());
    let elsewhere = thread::scope(|scope| {
        let other = scope.spawn(|| (bus.send(WhichThread).unwrap(), thread::current().id()));
        other.join().unwrap()
    });
    assert_eq!(elsewhere.0, elsewhere.1);
    assert_ne!(elsewhere.0, thread::current().id());
}

/// P1: a message is a plain value with the user's own equality, and arrives equal to what was sent.
#[test]
fn a_command_arrives_as_it_was_sent() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let bus = SyncBus::empty().command(move |command: Rename| log.lock().unwrap().push(command)).build().unwrap();
    let command = Rename { from: "a".into(), to: "b".into() };
    bus.execute(command.clone()).unwrap();
    assert_eq!(*seen.lock().unwrap(), [command]);
}

/// P1, X14: the reply is part of a query's type, and handlers take and return the precise types. The wrong ones do not
/// compile, which ui-tests pin.
#[test]
fn handlers_are_typed_precisely() {
    let bus = SyncBus::empty().modules([typed::MODULE]).build().unwrap();
    let query = Find { id: 7 };
    typed::reply_of(&query);
    let reply: Option<u32> = bus.send(query).unwrap();
    assert_eq!(reply, Some(7));
    let error: ExecuteError<AnyError> = bus.execute(Rename { from: "a".into(), to: String::new() }).unwrap_err();
    assert!(error.into_handler().unwrap().downcast_ref::<std::fmt::Error>().is_some());
}

/// L2: without a handler each verb fails with the name of its message, and the bus is as it was.
#[test]
fn a_message_without_a_handler_is_an_error_that_names_it() {
    let bus = SyncBus::empty().query(|_: Count| 3_usize).partial().build().unwrap();
    let query = bus.send(Find { id: 1 }).unwrap_err();
    let command = bus.execute(Rename { from: "a".into(), to: "b".into() }).unwrap_err();
    let task = bus.dispatch(Resize(1)).unwrap_err();
    assert!(matches!(query, SendError::NoHandler { message: "sync_bus.Find" }));
    assert!(matches!(command, ExecuteError::NoHandler { message: "sync_bus.Rename" }));
    assert!(matches!(task, DispatchError::NoHandler { message: "sync_bus.Resize" }));
    assert_eq!(query.to_string(), "no handler for query `sync_bus.Find`");
    assert_eq!(command.to_string(), "no handler for command `sync_bus.Rename`");
    assert_eq!(task.to_string(), "no handler for task `sync_bus.Resize`");
    assert_eq!(bus.wiring().routes().len(), 1);
    assert_eq!(bus.send(Count).unwrap(), 3);
}

/// L4: one function may serve several message types.
#[test]
fn one_function_may_serve_two_queries() {
    fn size<Q>(_: Q) -> usize {
        std::mem::size_of::<Q>()
    }

    #[derive(Query)]
    #[query(reply = usize)]
    struct Other(#[expect(dead_code, reason = "only its size counts")] u64);

    let bus = SyncBus::empty().query(size::<Count>).query(size::<Other>).build().unwrap();
    assert_eq!((bus.send(Count).unwrap(), bus.send(Other(1)).unwrap()), (0, 8));
}

/// P6: a message reaches the handler of its own concrete type only, however much it looks like another.
#[test]
fn a_message_reaches_only_handlers_of_its_own_type() {
    #[derive(Event)]
    struct Base;

    #[derive(Event)]
    struct Derived {
        base: Base,
    }

    impl std::ops::Deref for Derived {
        type Target = Base;
        fn deref(&self) -> &Base {
            &self.base
        }
    }

    let seen = Arc::new(Mutex::new(Vec::new()));
    let (of_base, of_derived) = (Arc::clone(&seen), Arc::clone(&seen));
    let bus = SyncBus::empty()
        .subscribe(move |_: &Base| of_base.lock().unwrap().push("base"))
        .subscribe(move |_: &Derived| of_derived.lock().unwrap().push("derived"))
        .build()
        .unwrap();
    bus.publish(Derived { base: Base }).unwrap();
    assert_eq!(*seen.lock().unwrap(), ["derived"]);
    bus.publish(Base).unwrap();
    assert_eq!(*seen.lock().unwrap(), ["derived", "base"]);
}

/// L11: a handler may dispatch on the bus that called it.
#[test]
fn a_command_may_send_and_publish_on_its_own_bus() {
    mod flow {
        use super::{Arc, Command, Count, Event, Mutex, SyncBus, handler};

        #[derive(Default)]
        pub(super) struct Log(pub(super) Mutex<Vec<String>>);

        #[derive(Command)]
        pub(super) struct Checkout;

        #[derive(Event)]
        pub(super) struct CheckedOut(pub(super) usize);

        #[handler]
        fn count(_: &Count) -> usize {
            41
        }

        #[handler]
        fn checkout(_: Checkout, bus: &SyncBus, log: &Log) -> Result<(), linkbus::AnyError> {
            let count = bus.send(Count)?;
            log.0.lock().unwrap().push(format!("counted {count}"));
            bus.publish(CheckedOut(count + 1))?;
            log.0.lock().unwrap().push("published".into());
            Ok(())
        }

        #[handler]
        fn note(event: &CheckedOut, log: &Log) {
            log.0.lock().unwrap().push(format!("noted {}", event.0));
        }

        linkbus::module! { messages: [Checkout, CheckedOut, Count], handlers: [count, checkout, note] }

        pub(super) fn bus() -> (SyncBus, Arc<Log>) {
            let log = Arc::new(Log::default());
            (SyncBus::empty().modules([MODULE]).provide_arc(Arc::clone(&log)).build().unwrap(), log)
        }
    }

    let (bus, log) = flow::bus();
    bus.execute(flow::Checkout).unwrap();
    assert_eq!(*log.0.lock().unwrap(), ["counted 41", "noted 42", "published"]);
}

fn raise(payload: &'static str) {
    std::panic::panic_any(payload);
}

/// L10 (panics are not errors): a query, command or task that panics unwinds into its caller with its own payload, and
/// the bus goes on working.
#[test]
fn a_panic_unwinds_into_the_caller_and_leaves_the_bus_whole() {
    let bus = SyncBus::empty()
        .query(|query: Find| if query.id == 0 { std::panic::panic_any(17_u64) } else { Some(query.id) })
        .command(|_: Rename| raise("command"))
        .task(|_: Resize| raise("task"))
        .build()
        .unwrap();
    for _ in 0..100 {
        let payload = catch_unwind(AssertUnwindSafe(|| bus.send(Find { id: 0 }))).unwrap_err();
        assert_eq!(payload.downcast_ref::<u64>(), Some(&17));
        assert_eq!(bus.send(Find { id: 5 }).unwrap(), Some(5));
    }
    let rename = Rename { from: "a".into(), to: "b".into() };
    let payload = catch_unwind(AssertUnwindSafe(|| bus.execute(rename))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"command"));
    let payload = catch_unwind(AssertUnwindSafe(|| bus.dispatch(Resize(1)))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"task"));
}

/// L14: a bus does not change once it is built, so any number of threads may dispatch on it.
#[test]
fn eight_threads_dispatch_at_once() {
    let total = Arc::new(Mutex::new((0_u32, 0_u32)));
    let (commands, events) = (Arc::clone(&total), Arc::clone(&total));
    let bus = SyncBus::empty()
        .query(|query: Find| Some(query.id + 1))
        .task(move |task: Resize| commands.lock().unwrap().0 += task.0)
        .subscribe(move |_: &Renamed| events.lock().unwrap().1 += 1)
        .build()
        .unwrap();
    thread::scope(|scope| {
        for number in 0..8 {
            let bus = bus.clone();
            scope.spawn(move || {
                for round in 0..500 {
                    let id = number * 1000 + round;
                    assert_eq!(bus.send(Find { id }).unwrap(), Some(id + 1));
                    bus.dispatch(Resize(1)).unwrap();
                    bus.publish(Renamed).unwrap();
                }
            });
        }
    });
    assert_eq!(*total.lock().unwrap(), (4000, 4000));
}

/// L15: there is nothing to close. A bus ends when its last clone is dropped.
#[test]
fn a_bus_ends_with_its_last_clone() {
    let kept = Arc::new(());
    let captured = Arc::clone(&kept);
    let bus = SyncBus::empty().query(move |_: Count| Arc::strong_count(&captured)).build().unwrap();
    let clone = bus.clone();
    drop(bus);
    assert_eq!(clone.send(Count).unwrap(), 2);
    drop(clone);
    assert_eq!(Arc::strong_count(&kept), 1);
}

/// A batch runs in order and stops at the first failure, of which it tells the position; the rest is not sent.
#[test]
fn a_batch_stops_at_its_first_error() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let bus = SyncBus::empty()
        .task(move |task: Resize| {
            log.lock().unwrap().push(task.0);
            if task.0 == 2 { Err("two") } else { Ok(()) }
        })
        .build()
        .unwrap();
    let error = bus.dispatch_many([Resize(1), Resize(2), Resize(3)]).unwrap_err();
    assert_eq!(error.completed, 1);
    assert!(matches!(&error.error, DispatchError::Handler(error) if error.to_string() == "two"));
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    bus.dispatch_many(Vec::<Resize>::new()).unwrap();
    bus.dispatch_many([Resize(4), Resize(5)]).unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 2, 4, 5]);
}

/// The other two batches are the same loop over their own verb.
#[test]
fn batches_of_commands_and_events_stop_at_their_first_error() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (commands, events) = (Arc::clone(&seen), Arc::clone(&seen));
    let bus = SyncBus::empty()
        .command(move |command: Rename| {
            let wrong = command.to.is_empty();
            commands.lock().unwrap().push(command.from);
            if wrong { Err("no name") } else { Ok(()) }
        })
        .subscribe(move |_: &Renamed| {
            events.lock().unwrap().push("event".to_owned());
            Err::<(), _>("always")
        })
        .build()
        .unwrap();
    let rename = |from: &str, to: &str| Rename { from: from.into(), to: to.into() };
    let error = bus.execute_many([rename("a", "x"), rename("b", "y"), rename("c", ""), rename("d", "z")]).unwrap_err();
    assert_eq!((error.completed, error.error.to_string()), (2, "no name".to_owned()));
    let error = bus.publish_many([Renamed, Renamed]).unwrap_err();
    assert_eq!((error.completed, error.error.failures().len()), (0, 1));
    assert_eq!(*seen.lock().unwrap(), ["a", "b", "c", "event"]);
}
