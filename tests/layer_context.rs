//! One identity for a dispatch: what a layer is told and what the handler sees in its `&Context` are the same.

use std::sync::{Arc, Mutex};

use linkbus::{
    AnyError, Bus, Command, Context, Query, SyncBus, Uuid, handler,
    layer::{Around, AsyncAround, AsyncNext, Dispatch, Done, Layer, Link, Next, Observer, Selection, Site, only},
};

/// Asks for its context.
#[derive(Command, Clone)]
struct Asks;

/// Does not ask, and sends an [`Asks`].
#[derive(Command)]
struct Passes;

#[derive(Query)]
#[query(reply = ())]
struct Later;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Context>>>);

impl Seen {
    fn take(&self) -> Vec<Context> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

mod on_sync_bus {
    use super::{AnyError, Asks, Context, Passes, Seen, SyncBus, handler};

    #[handler]
    fn asks(_: &Asks, context: &Context, seen: &Seen) {
        seen.0.lock().unwrap().push(*context);
    }

    #[handler]
    fn passes(_: Passes, bus: &SyncBus) -> Result<(), AnyError> {
        Ok(bus.execute(Asks)?)
    }

    linkbus::module!(messages: [Asks, Passes], handlers: [asks, passes]);
}

mod on_bus {
    use super::{AnyError, Asks, Bus, Context, Later, Passes, Seen, handler};

    #[handler]
    async fn asks(_: &Asks, context: &Context, bus: &Bus, seen: &Seen) -> Result<(), AnyError> {
        bus.send(Later).await?;
        seen.0.lock().unwrap().push(*context);
        Ok(())
    }

    #[handler]
    async fn passes(_: Passes, bus: &Bus) -> Result<(), AnyError> {
        bus.send(Later).await?;
        Ok(bus.execute(Asks).await?)
    }

    #[handler]
    async fn later(_: Later) {
        tokio::task::yield_now().await;
    }

    linkbus::module!(messages: [Asks, Passes, Later], handlers: [asks, passes, later]);
}

/// Asks for the ids, where the dispatch begins.
struct Names(Arc<Mutex<Vec<Uuid>>>);

impl Observer for Names {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        let context = dispatch.context();
        self.0.lock().unwrap().push(context.id());
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        assert!(self.0.lock().unwrap().contains(&dispatch.context().id()));
    }
}

#[test]
fn a_layer_and_the_handler_see_the_same_ids() {
    let (seen, ids) = (Seen::default(), Arc::default());
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(seen.clone()).layer(Names(Arc::clone(&ids)));
    bus.build().unwrap().execute(Asks).unwrap();
    let [context] = seen.take()[..] else { panic!() };
    assert_eq!(*ids.lock().unwrap(), [context.id()]);
    assert_eq!((context.causation_id(), context.correlation_id()), (None, context.id()));
}

/// What a handler sends is caused by its dispatch, even if only a layer asked who that is.
#[test]
fn a_handler_that_does_not_ask_passes_on_what_a_layer_asked_for() {
    let (seen, ids) = (Seen::default(), Arc::default());
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(seen.clone()).layer(Names(Arc::clone(&ids)));
    bus.build().unwrap().execute(Passes).unwrap();
    let [context] = seen.take()[..] else { panic!() };
    let [outer, inner] = ids.lock().unwrap()[..] else { panic!() };
    assert_eq!((context.causation_id(), context.correlation_id(), context.id()), (Some(outer), outer, inner));
}

#[tokio::test]
async fn a_handler_that_waits_passes_on_what_a_layer_asked_for() {
    let (seen, ids) = (Seen::default(), Arc::default());
    let bus =
        Bus::empty().modules([on_bus::MODULE]).provide(seen.clone()).layer(Names(Arc::clone(&ids))).build().unwrap();
    let (one, other) = tokio::join!(bus.execute(Passes), bus.execute(Passes));
    one.and(other).unwrap();
    let contexts = seen.take();
    assert_eq!(contexts.len(), 2);
    for context in contexts {
        let ids = ids.lock().unwrap();
        assert!(ids.contains(&context.id()));
        assert!(context.causation_id().is_some_and(|cause| ids.contains(&cause)));
        assert_eq!(context.causation_id(), Some(context.correlation_id()));
    }
    bus.execute(Asks).await.unwrap();
    assert_eq!(seen.take()[0].causation_id(), None, "what is over causes nothing");
}

/// Without a layer that asks, nothing is drawn, and nothing is passed on.
#[test]
fn a_layer_that_does_not_ask_changes_nothing() {
    struct Silent;

    impl Observer for Silent {
        fn end(&self, _: &mut Dispatch<'_>) {}
    }

    let seen = Seen::default();
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(seen.clone()).layer(Silent).build().unwrap();
    bus.execute(Passes).unwrap();
    let [context] = seen.take()[..] else { panic!() };
    assert_eq!((context.causation_id(), context.attempt(), context.deadline()), (None, 1, None));
}

/// Calls what is inside twice.
struct Twice;

struct TwiceOf;

impl Layer<SyncBus> for Twice {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        site.keep_message();
        Some(Link::around(TwiceOf))
    }
}

impl Layer<Bus> for Twice {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        site.keep_message();
        Some(Link::async_around(TwiceOf))
    }
}

impl Around for TwiceOf {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        dispatch.context();
        next.run(dispatch);
        next.run(dispatch)
    }
}

impl AsyncAround for TwiceOf {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        dispatch.context();
        next.run(dispatch).await;
        next.run(dispatch).await
    }
}

#[tokio::test]
async fn the_calls_of_one_dispatch_have_one_identity() {
    let seen = Seen::default();
    let ids = |seen: &Seen| seen.take().iter().map(Context::id).collect::<Vec<_>>();
    let bus = SyncBus::empty()
        .modules([on_sync_bus::MODULE])
        .provide(seen.clone())
        .layer(only(Selection::of::<Asks>(), Twice));
    bus.build().unwrap().execute(Asks).unwrap();
    let [first, second] = ids(&seen)[..] else { panic!() };
    assert_eq!(first, second);
    let bus = Bus::empty().modules([on_bus::MODULE]).provide(seen.clone()).layer(only(Selection::of::<Asks>(), Twice));
    bus.build().unwrap().execute(Asks).await.unwrap();
    let [first, second] = ids(&seen)[..] else { panic!() };
    assert_eq!(first, second);
}

/// Asks for the ids when all is over.
struct Recalls(Arc<Mutex<Vec<Uuid>>>);

impl Observer for Recalls {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.context().id());
    }
}

/// What a handler writes into its log is found again in what a layer keeps, such as a dead letter.
#[tokio::test]
async fn the_ids_that_a_handler_was_given_are_those_that_a_layer_sees_afterwards() {
    let (seen, ids) = (Seen::default(), Arc::<Mutex<Vec<Uuid>>>::default());
    let of_asks = |ids: &Arc<_>| only(Selection::of::<Asks>(), Recalls(Arc::clone(ids)));
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(seen.clone()).layer(of_asks(&ids));
    bus.build().unwrap().execute(Passes).unwrap();
    let bus = Bus::empty().modules([on_bus::MODULE]).provide(seen.clone()).layer(of_asks(&ids)).build().unwrap();
    bus.execute(Passes).await.unwrap();
    let given: Vec<_> = seen.take().iter().map(Context::id).collect();
    assert_eq!((given.len(), given), (2, ids.lock().unwrap().clone()));
}
