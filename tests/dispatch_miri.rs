//! The one unsafe module, from outside: many message types, several buses that grow past each other, threads, and the
//! order in which things are dropped.
//!
//! This file is what Miri runs, so it has no runtime and no I/O: `cargo +nightly miri test --test dispatch_miri`.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use linkbus::{
    AnyError, Builder, Bus, Command, Event, Query, SendError, SyncBus, Task, handler,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Next, Observer},
};

/// Polls `future` until it is done; nothing in this file waits for anything but its next poll.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Is ready at the second poll.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Message types of different sizes, alignments and replies, and a way to put them all on a bus and ask them all.
macro_rules! queries {
    ($($name:ident: $content:ty => $reply:ty),* $(,)?) => {
        $(
            #[derive(Query)]
            #[query(reply = $reply)]
            struct $name($content);
        )*

        const QUERIES: usize = [$(stringify!($name)),*].len();

        fn with_all(builder: Builder<SyncBus>) -> Builder<SyncBus> {
            builder$(.query(|query: $name| <$reply>::from(query.0)))*
        }

        fn with_all_async(builder: Builder<Bus>) -> Builder<Bus> {
            builder$(.query_async(async |query: $name| {
                Yield::default().await;
                <$reply>::from(query.0)
            }))*
        }

        fn ask_all(bus: &SyncBus) {
            $(assert_eq!(bus.send($name(<$content>::default())).unwrap(), <$reply>::from(<$content>::default()));)*
        }

        fn ask_all_async(bus: &Bus) {
            $(
                let reply = block_on(bus.send($name(<$content>::default()))).unwrap();
                assert_eq!(reply, <$reply>::from(<$content>::default()));
            )*
        }
    };
}

queries! {
    Nothing: () => (),
    Byte: u8 => u64,
    Wide: u128 => u128,
    Text: String => Box<str>,
    Bytes: Vec<u8> => Arc<[u8]>,
    Shared: Arc<u32> => Arc<u32>,
    Small: [u8; 3] => [u8; 3],
    Large: [u64; 32] => Vec<u64>,
    Signed: i16 => i64,
    Letter: char => u32,
    Maybe: Option<u16> => Option<u16>,
    Flag: bool => i32,
}

#[derive(Command)]
struct Add(u32);

#[derive(Event)]
struct Added(u32);

#[derive(Task)]
struct Audit;

/// Every type finds its own entry, whatever lies beside it in the table.
#[test]
fn many_types_share_a_table() {
    let bus = with_all(SyncBus::empty()).build().unwrap();
    assert_eq!(bus.wiring().routes().len(), QUERIES);
    ask_all(&bus);
    let bus = with_all_async(Bus::empty()).build().unwrap();
    ask_all_async(&bus);
}

/// A table ends where its bus ends: types that got their number later are not there, and are not read.
#[test]
fn a_bus_does_not_reach_beyond_its_table() {
    #[derive(Query)]
    #[query(reply = u8)]
    struct Late;

    let small = SyncBus::empty().query(|query: Byte| u64::from(query.0)).build().unwrap();
    let large = with_all(SyncBus::empty()).query(|_: Late| 9).build().unwrap();
    assert!(matches!(small.send(Late), Err(SendError::NoHandler { .. })));
    assert!(small.send(Text(String::new())).is_err());
    assert_eq!(small.send(Byte(4)).unwrap(), 4);
    assert_eq!(large.send(Late).unwrap(), 9);
    drop(large);
    assert_eq!(small.send(Byte(5)).unwrap(), 5);
    assert!(SyncBus::empty().build().unwrap().send(Late).is_err());
}

/// Two buses hold different handlers of one type at the same place.
#[test]
fn buses_do_not_mix_their_handlers() {
    let buses: Vec<_> = (0..4)
        .map(|bus| SyncBus::empty().query(move |query: Byte| u64::from(query.0) + bus).build().unwrap())
        .collect();
    for (number, bus) in (0..).zip(&buses) {
        assert_eq!(bus.send(Byte(1)).unwrap(), 1 + number);
    }
}

mod wired {
    use super::{Add, Added, AnyError, AtomicU32, Bus, Ordering, Yield, handler};

    pub(super) struct Total(pub(super) AtomicU32);

    #[handler]
    async fn add(command: &Add, bus: &Bus, total: &Total) -> Result<(), AnyError> {
        Yield::default().await;
        total.0.fetch_add(command.0, Ordering::Relaxed);
        Ok(bus.publish(Added(command.0)).await?)
    }

    #[handler]
    async fn later(event: &Added, total: &Total) {
        Yield::default().await;
        total.0.fetch_add(event.0 * 10, Ordering::Relaxed);
    }

    #[handler]
    fn at_once(event: &Added, total: &Total) -> Result<(), &'static str> {
        total.0.fetch_add(event.0 * 100, Ordering::Relaxed);
        if event.0 == 0 { Err("nothing was added") } else { Ok(()) }
    }

    linkbus::module! { messages: [Add, Added], handlers: [add, later, at_once] }
}

fn adding_bus() -> (Bus, Arc<wired::Total>) {
    let total = Arc::new(wired::Total(AtomicU32::new(0)));
    (Bus::empty().modules([wired::MODULE]).provide_arc(Arc::clone(&total)).build().unwrap(), total)
}

/// Borrowed messages, dependencies and the bus itself live as long as the handlers' futures.
#[test]
fn async_handlers_borrow_what_they_use() {
    let (bus, total) = adding_bus();
    block_on(bus.execute(Add(1))).unwrap();
    assert_eq!(total.0.load(Ordering::Relaxed), 111);
    block_on(bus.execute(Add(0))).unwrap_err();
}

/// A dispatch that is dropped half-way frees what it holds, and the bus may go before or after.
#[test]
fn a_dropped_dispatch_frees_its_message() {
    let (bus, total) = adding_bus();
    for polls in 0..4 {
        let mut dispatch = Box::pin(bus.execute(Add(1)));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            if dispatch.as_mut().poll(&mut context).is_ready() {
                break;
            }
        }
    }
    drop(bus);
    assert_eq!(Arc::strong_count(&total), 1);
}

/// What is linked arrives under Miri too, through constructors.
#[test]
fn linked_handlers_arrive() {
    let bus = Bus::builder().partial().provide(wired::Total(AtomicU32::new(0))).build().unwrap();
    block_on(bus.execute(Add(2))).unwrap();
    assert_eq!(bus.wiring().registered_events(), [("dispatch_miri.Added", 2)]);
}

/// Threads dispatch on one bus while others are built and dropped, each of which gives new types their numbers.
#[test]
fn threads_dispatch_while_buses_are_built() {
    let bus = with_all(SyncBus::empty()).build().unwrap();
    let start = Barrier::new(3);
    thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            (0..3).for_each(|_| ask_all(&bus));
        });
        scope.spawn(|| {
            start.wait();
            (0..3).for_each(|_| ask_all_async(&with_all_async(Bus::empty()).build().unwrap()));
        });
        scope.spawn(|| {
            start.wait();
            let other = SyncBus::empty().task(|_: Audit| ()).query(|query: Wide| query.0).build().unwrap();
            (0..20).for_each(|number| assert_eq!(other.send(Wide(number)).unwrap(), number));
            other.dispatch(Audit).unwrap();
        });
    });
}

/// Handlers and values are dropped once, with the last clone of the bus, on whichever thread that is.
#[test]
fn everything_is_dropped_once() {
    struct Dropped(&'static str, Arc<Mutex<Vec<&'static str>>>);

    impl Dropped {
        fn is(&self, name: &str) {
            assert_eq!(self.0, name);
        }
    }

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    let dropped = Arc::new(Mutex::new(Vec::new()));
    let of = |name| Dropped(name, Arc::clone(&dropped));
    let (query, subscriber, task) = (of("query"), of("subscriber"), of("task"));
    let bus = SyncBus::empty()
        .query(move |_: Nothing| query.is("query"))
        .subscribe(move |_: &Added| subscriber.is("subscriber"))
        .task(move |_: Audit| task.is("task"))
        .provide(of("value"))
        .provide_with({
            let kept = of("kept");
            move |bus| (bus.clone(), kept)
        })
        .build()
        .unwrap();
    bus.send(Nothing(())).unwrap();
    bus.publish(Added(1)).unwrap();
    let clone = bus.clone();
    thread::spawn(move || drop(bus)).join().unwrap();
    assert!(!dropped.lock().unwrap().contains(&"query"));
    thread::spawn(move || clone.dispatch(Audit).unwrap()).join().unwrap();
    let mut dropped = dropped.lock().unwrap().clone();
    dropped.sort_unstable();
    assert_eq!(dropped, ["kept", "query", "subscriber", "task", "value"]);
}

/// A panic leaves the table as it was.
#[test]
fn a_panic_leaves_the_bus_whole() {
    let bus = SyncBus::empty()
        .query(|query: Byte| u64::from(query.0.checked_sub(1).expect("not zero")))
        .subscribe(|event: &Added| assert!(event.0 > 0, "not zero"))
        .build()
        .unwrap();
    catch_unwind(AssertUnwindSafe(|| bus.send(Byte(0)))).unwrap_err();
    bus.publish(Added(0)).unwrap_err();
    assert_eq!(bus.send(Byte(2)).unwrap(), 1);
    bus.publish(Added(1)).unwrap();
}

/// A layer of each shape.
struct Sees;

impl Observer for Sees {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let _ = dispatch.outcome().label();
    }
}

struct Passes;

impl Around for Passes {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        next.run(dispatch)
    }
}

impl AsyncAround for Passes {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await
    }
}

#[derive(Query)]
#[query(reply = String)]
struct Inside(String);

#[derive(Event)]
struct Seen(String);

/// What is inside layers is found by the message, too: past observers only, through an around, and for an event.
#[test]
fn what_is_inside_layers_is_what_was_put_there() {
    for has_around in [false, true] {
        let seen = |seen: &Seen| assert_eq!(seen.0, "b");
        let bus = SyncBus::empty().query(|inside: Inside| inside.0).subscribe(seen).layer(Sees);
        let bus = if has_around { bus.layer(Passes) } else { bus }.build().unwrap();
        assert_eq!(bus.send(Inside("a".into())).unwrap(), "a");
        bus.publish(Seen("b".into())).unwrap();

        let bus = Bus::empty()
            .query_async(async |inside: Inside| {
                Yield::default().await;
                inside.0
            })
            .subscribe_async(|_: &Seen| async { Err::<(), _>(AnyError::from("too late")) })
            .layer(Sees);
        let bus = if has_around { bus.layer(Passes) } else { bus }.build().unwrap();
        assert_eq!(block_on(bus.send(Inside("a".into()))).unwrap(), "a");
        assert_eq!(block_on(bus.publish(Seen("b".into()))).unwrap_err().failures().len(), 1);
        let mut dropped = Box::pin(bus.send(Inside("c".into())));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
}
