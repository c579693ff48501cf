//! The ids of an event: those of the publication, which layers and dead letters have, and those of its subscribers.

use std::sync::{Arc, Mutex};

use linkbus::{
    AnyError, Builder, Bus, Command, Context, Event, Flavor, SyncBus, Uuid, handler,
    layer::{
        DeadLetters, Dispatch, Observer, Selection,
        dead_letter::{Filter, Replay},
        only,
    },
};

#[derive(Event, Clone)]
struct Happened;

/// What a subscriber that does not ask for its context sends on.
#[derive(Command)]
struct Forwarded;

/// Publishes from inside a handler.
#[derive(Command)]
struct Publish;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(&'static str, Context)>>>);

impl Seen {
    fn add(&self, by: &'static str, context: &Context) {
        self.0.lock().unwrap().push((by, *context));
    }

    /// By whom it was seen, in the order of the names.
    fn take(&self) -> Vec<(&'static str, Context)> {
        let mut seen = std::mem::take(&mut *self.0.lock().unwrap());
        seen.sort_by_key(|(by, _)| *by);
        seen
    }
}

mod on_sync_bus {
    use super::{AnyError, Context, Forwarded, Happened, Publish, Seen, SyncBus, handler};

    #[handler]
    fn asks(_: &Happened, context: &Context, seen: &Seen) -> Result<(), AnyError> {
        seen.add("asks", context);
        Err("the letter is about this one".into())
    }

    #[handler]
    fn forwards(_: &Happened, bus: &SyncBus) -> Result<(), AnyError> {
        Ok(bus.execute(Forwarded)?)
    }

    #[handler]
    fn forwarded(_: &Forwarded, context: &Context, seen: &Seen) {
        seen.add("forwarded", context);
    }

    #[handler]
    fn publish(_: &Publish, context: &Context, bus: &SyncBus, seen: &Seen) -> Result<(), AnyError> {
        seen.add("publish", context);
        Ok(bus.publish(Happened)?)
    }

    linkbus::module! {
        messages: [Happened, Forwarded, Publish],
        handlers: [asks, forwards, forwarded, publish],
    }
}

mod on_bus {
    use super::{AnyError, Bus, Context, Forwarded, Happened, Publish, Seen, handler};
    use tokio::task::yield_now;

    #[handler]
    async fn asks(_: &Happened, context: &Context, seen: &Seen) -> Result<(), AnyError> {
        yield_now().await;
        seen.add("asks", context);
        Err("the letter is about this one".into())
    }

    #[handler]
    async fn forwards(_: &Happened, bus: &Bus) -> Result<(), AnyError> {
        yield_now().await;
        Ok(bus.execute(Forwarded).await?)
    }

    #[handler]
    async fn forwarded(_: &Forwarded, context: &Context, seen: &Seen) {
        tokio::task::yield_now().await;
        seen.add("forwarded", context);
    }

    #[handler]
    async fn publish(_: &Publish, context: &Context, bus: &Bus, seen: &Seen) -> Result<(), AnyError> {
        seen.add("publish", context);
        Ok(bus.publish(Happened).await?)
    }

    linkbus::module! {
        messages: [Happened, Forwarded, Publish],
        handlers: [asks, forwards, forwarded, publish],
    }
}

/// Asks for the ids of each publication before its subscribers run.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<Context>>>);

impl Observer for Names {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.context());
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}

/// What the layers and the handlers of a bus were told.
struct Told {
    seen: Seen,
    names: Names,
    letters: DeadLetters,
}

impl Told {
    fn new() -> Self {
        Told { seen: Seen::default(), names: Names::default(), letters: DeadLetters::in_memory() }
    }

    fn around<B: Flavor>(&self, builder: Builder<B>) -> Builder<B> {
        let names = only(Selection::of::<Happened>(), self.names.clone());
        let letters = only(Selection::of::<Happened>(), self.letters.clone());
        builder.provide(self.seen.clone()).layer(letters).layer(names)
    }

    /// The ids of the publication, and those of what its subscribers saw.
    fn publication(&self) -> (Context, Vec<(&'static str, Context)>) {
        let [publication] = std::mem::take(&mut *self.names.0.lock().unwrap())[..] else { panic!("one publication") };
        (publication, self.seen.take())
    }

    /// The letter is that of the publication, and its subscribers are caused by that.
    fn check(&self) -> Context {
        let (publication, seen) = self.publication();
        let [("asks", asks), ("forwarded", forwarded), ..] = seen[..] else { panic!("{seen:?}") };
        for caused in [asks, forwarded] {
            assert_eq!(caused.causation_id(), Some(publication.id()));
            assert_eq!(caused.correlation_id(), publication.correlation_id());
            assert_ne!(caused.id(), publication.id());
        }
        let letters = self.letters.store().list(&Filter::any(), 10).unwrap();
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!((letter.dispatch_id, letter.correlation_id), (publication.id(), publication.correlation_id()));
        assert_eq!(letter.causation_id, publication.causation_id());
        if let Some((_, publish)) = seen.get(2) {
            assert_eq!(publication.causation_id(), Some(publish.id()));
            assert_eq!(publication.correlation_id(), publish.id());
        }
        publication
    }

    /// A letter that is replayed: its subscriber belongs to what failed, through the publication that is the replay.
    fn check_replay(&self, first: Context) {
        let (replay, seen) = self.publication();
        let [("asks", asks)] = seen[..] else { panic!("{seen:?}") };
        assert_eq!((replay.causation_id(), asks.causation_id()), (Some(first.id()), Some(replay.id())));
        assert_eq!(asks.correlation_id(), first.correlation_id());
    }
}

#[test]
fn subscribers_are_caused_by_the_publication() {
    let told = Told::new();
    let bus = told.around(SyncBus::empty().modules([on_sync_bus::MODULE])).build().unwrap();
    bus.publish(Happened).unwrap_err();
    let first = told.check();
    Replay::new(told.letters.store(), &bus).all(&Filter::any()).unwrap();
    told.check_replay(first);
}

#[tokio::test]
async fn subscribers_are_caused_by_the_publication_on_a_bus() {
    let told = Told::new();
    let bus = told.around(Bus::empty().modules([on_bus::MODULE])).build().unwrap();
    bus.publish(Happened).await.unwrap_err();
    let first = told.check();
    Replay::new(told.letters.store(), &bus).all(&Filter::any()).await.unwrap();
    told.check_replay(first);
}

#[tokio::test]
async fn a_publication_is_caused_by_the_handler_that_publishes() {
    let told = Told::new();
    let bus = told.around(SyncBus::empty().modules([on_sync_bus::MODULE])).build().unwrap();
    bus.execute(Publish).unwrap_err();
    told.check();
    let told = Told::new();
    let bus = told.around(Bus::empty().modules([on_bus::MODULE])).build().unwrap();
    bus.execute(Publish).await.unwrap_err();
    told.check();
}

/// Nobody named the publication before: its subscribers are caused by the handler that publishes.
#[tokio::test]
async fn a_publication_without_a_name_is_passed_over() {
    fn check(seen: &Seen, letters: &DeadLetters) {
        let seen = seen.take();
        let [("asks", asks), ("forwarded", forwarded), ("publish", publish)] = seen[..] else { panic!("{seen:?}") };
        let causes = [asks.causation_id(), forwarded.causation_id()];
        assert_eq!(causes, [Some(publish.id()); 2]);
        let letter = &letters.store().list(&Filter::any(), 10).unwrap()[0];
        assert_eq!((letter.causation_id, letter.correlation_id), (Some(publish.id()), publish.id()));
        let ids: [Uuid; 3] = [asks.id(), forwarded.id(), publish.id()];
        assert!(!ids.contains(&letter.dispatch_id));
    }
    let (seen, letters) = (Seen::default(), DeadLetters::in_memory());
    let of_event = |letters: &DeadLetters| only(Selection::of::<Happened>(), letters.clone());
    let bus = SyncBus::empty().modules([on_sync_bus::MODULE]).provide(seen.clone()).layer(of_event(&letters));
    bus.build().unwrap().execute(Publish).unwrap_err();
    check(&seen, &letters);
    let letters = DeadLetters::in_memory();
    let bus = Bus::empty().modules([on_bus::MODULE]).provide(seen.clone()).layer(of_event(&letters));
    bus.build().unwrap().execute(Publish).await.unwrap_err();
    check(&seen, &letters);
}
