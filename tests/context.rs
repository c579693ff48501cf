//! Ids of dispatches: what is caused by one dispatch says so, across plain and async handlers, and nothing else does.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use linkbus::{AnyError, Bus, Command, Context, Event, Kind, Query, SyncBus, Task, handler};
use tokio::task::yield_now;

/// What one handler saw. The ids of linkbus are UUIDs; their text will do here.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    by: &'static str,
    id: String,
    correlation: String,
    causation: Option<String>,
}

#[derive(Clone, Default)]
struct Sightings(Arc<Mutex<Vec<Seen>>>);

impl Sightings {
    fn add(&self, by: &'static str, context: &Context) {
        self.0.lock().unwrap().push(Seen {
            by,
            id: context.id().to_string(),
            correlation: context.correlation_id().to_string(),
            causation: context.causation_id().map(|id| id.to_string()),
        });
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Command)]
struct Root;

/// Its handler does not ask for a context.
#[derive(Query)]
#[query(reply = ())]
struct Middle;

#[derive(Query)]
#[query(reply = ())]
struct Leaf;

#[derive(Event)]
struct Noted;

#[derive(Task)]
struct Detached;

mod asynchronous {
    use super::{
        AnyError, Bus, Command, Context, Detached, Kind, Leaf, Middle, Noted, Root, Sightings, handler, yield_now,
    };

    #[handler]
    async fn root(_: Root, bus: &Bus, context: &Context, seen: &Sightings) -> Result<(), AnyError> {
        assert_eq!((context.message().name, context.message().kind), ("context.Root", Kind::Command));
        seen.add("root", context);
        bus.send(Middle).await?;
        yield_now().await;
        bus.publish(Noted).await?;
        bus.send(Leaf).await?;
        Ok(())
    }

    #[handler]
    async fn middle(_: Middle, bus: &Bus) -> Result<(), AnyError> {
        yield_now().await;
        Ok(bus.send(Leaf).await?)
    }

    #[handler]
    fn leaf(_: Leaf, context: &Context, seen: &Sightings) {
        seen.add("leaf", context);
    }

    #[handler]
    async fn first(_: &Noted, context: &Context, bus: &Bus, seen: &Sightings) -> Result<(), AnyError> {
        seen.add("first", context);
        yield_now().await;
        yield_now().await;
        Ok(bus.send(Leaf).await?)
    }

    #[handler]
    async fn second(_: &Noted, context: &Context, bus: &Bus, seen: &Sightings) -> Result<(), AnyError> {
        yield_now().await;
        seen.add("second", context);
        Ok(bus.send(Leaf).await?)
    }

    #[handler]
    async fn detached(_: Detached, context: &Context, bus: &Bus, seen: &Sightings) -> Result<(), AnyError> {
        seen.add("detached", context);
        let bus = bus.clone();
        tokio::spawn(async move { bus.send(Leaf).await }).await??;
        Ok(())
    }

    #[derive(Command)]
    pub(super) struct Fails;

    #[handler]
    async fn fails(_: Fails, _: &Context, bus: &Bus) -> Result<(), AnyError> {
        bus.send(Leaf).await?;
        Err("after a dispatch of its own".into())
    }

    linkbus::module! {
        messages: [Root, Middle, Leaf, Noted, Detached, Fails],
        handlers: [root, middle, leaf, first, second, detached, fails],
    }
}

fn bus() -> (Bus, Sightings) {
    let seen = Sightings::default();
    (Bus::empty().modules([asynchronous::MODULE]).provide(seen.clone()).build().unwrap(), seen)
}

fn by<'a>(seen: &'a [Seen], name: &str) -> Vec<&'a Seen> {
    seen.iter().filter(|seen| seen.by == name).collect()
}

/// The first of a chain has no cause and is its own correlation; the rest share its correlation and name their cause.
#[tokio::test]
async fn ids_flow_through_plain_and_async_handlers() {
    let (bus, seen) = bus();
    bus.execute(Root).await.unwrap();
    let seen = seen.take();
    let root = by(&seen, "root")[0];
    assert_eq!((&root.correlation, &root.causation), (&root.id, &None));
    assert!(seen.iter().all(|other| other.correlation == root.id));

    let (first, second) = (by(&seen, "first")[0], by(&seen, "second")[0]);
    assert_eq!(first.causation.as_ref(), Some(&root.id));
    assert_eq!(second.causation.as_ref(), Some(&root.id));
    // Through the query in the middle, which did not ask; from each subscriber, while they took turns; from the root.
    let causes: Vec<_> = by(&seen, "leaf").into_iter().map(|leaf| leaf.causation.clone().unwrap()).collect();
    assert_eq!(causes, [&root.id, &second.id, &first.id, &root.id].map(Clone::clone));

    let mut ids: Vec<_> = seen.iter().map(|seen| &seen.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "every dispatch has an id of its own");
}

/// Dispatches side by side on one thread, taking turns, do not see each other.
#[tokio::test]
async fn siblings_do_not_share_a_context() {
    let (bus, seen) = bus();
    for result in join_all((0..5).map(|_| bus.execute(Root))).await {
        result.unwrap();
    }
    let seen = seen.take();
    let roots = by(&seen, "root");
    assert_eq!(roots.len(), 5);
    assert!(roots.iter().all(|root| root.causation.is_none() && root.correlation == root.id));
    for root in roots {
        assert_eq!(seen.iter().filter(|seen| seen.correlation == root.id).count(), 7);
    }
}

/// Nothing is left on the thread after a dispatch, successful, failed or dropped on its way.
#[tokio::test]
async fn the_next_dispatch_starts_a_chain_of_its_own() {
    let (bus, seen) = bus();
    bus.execute(Root).await.unwrap();
    bus.execute(asynchronous::Fails).await.unwrap_err();
    for polls in 1..4 {
        let mut dispatch = Box::pin(bus.execute(Root));
        for _ in 0..polls {
            assert!(futures_util::FutureExt::now_or_never(dispatch.as_mut()).is_none());
        }
    }
    seen.take();
    bus.send(Leaf).await.unwrap();
    assert_eq!(seen.take()[0].causation, None);
}

/// A task that a handler spawns starts a chain of its own: it may outlive the handler.
#[tokio::test]
async fn a_spawned_task_inherits_nothing() {
    let (bus, seen) = bus();
    bus.dispatch(Detached).await.unwrap();
    let seen = seen.take();
    let [detached, leaf] = &seen[..] else { panic!("two handlers ran") };
    assert_eq!(leaf.causation, None);
    assert_ne!(leaf.correlation, detached.correlation);
}

/// The synchronous bus has the same context, also after a panic.
#[test]
fn ids_flow_on_the_sync_bus() {
    mod sync {
        use super::{Command, Context, Leaf, Sightings, SyncBus, handler};

        #[derive(Command)]
        pub(super) struct Outer {
            pub(super) panic: bool,
        }

        #[handler]
        fn outer(command: &Outer, bus: &SyncBus, context: &Context, seen: &Sightings) {
            seen.add("outer", context);
            bus.send(Leaf).unwrap();
            assert!(!command.panic, "as asked");
            bus.send(Leaf).unwrap();
        }

        #[handler]
        fn leaf(_: &Leaf, context: &Context, seen: &Sightings) {
            seen.add("leaf", context);
        }

        linkbus::module! { messages: [Outer, Leaf], handlers: [outer, leaf] }
    }

    let seen = Sightings::default();
    let bus = SyncBus::empty().modules([sync::MODULE]).provide(seen.clone()).build().unwrap();
    bus.execute(sync::Outer { panic: false }).unwrap();
    let first = seen.take();
    assert_eq!(first[0].causation, None);
    assert!(first[1..].iter().all(|leaf| leaf.causation.as_ref() == Some(&first[0].id)));
    assert_eq!(first.len(), 3);

    let panicking = std::panic::AssertUnwindSafe(|| bus.execute(sync::Outer { panic: true }));
    std::panic::catch_unwind(panicking).unwrap_err();
    seen.take();
    bus.send(Leaf).unwrap();
    assert_eq!(seen.take()[0].causation, None);
}

/// Ids are UUIDs of version 7: they sort by the time at which they were made.
#[tokio::test]
async fn ids_sort_by_time() {
    let (bus, seen) = bus();
    for _ in 0..100 {
        bus.send(Leaf).await.unwrap();
    }
    let ids: Vec<_> = seen.take().into_iter().map(|seen| seen.id).collect();
    assert!(ids.is_sorted());
    assert!(ids.iter().all(|id| id.as_bytes()[14] == b'7'));
}
