//! Dead letters in memory: what becomes one, and how it is replayed.
use std::{
    error::Error,
    fmt,
    future::Future as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use linkbus::{
    Bus, Command, Context, Event, Fault, Flavor, Kind, Query, SyncBus, Task, Uuid,
    layer::{
        Around, AsyncAround, AsyncNext, DeadLetters, Dispatch, Done, Next, Observer, Outcome, Reason,
        dead_letter::{
            Body, DeadLetter, DeadLetterStore, Filter, MemoryStore, ReadError, Replay, ReplayResult, Skipped,
            StoreError,
        },
    },
};

#[derive(Query)]
#[query(reply = u32, error = Broken)]
struct Ask;

#[derive(Command, Clone, Debug, PartialEq)]
#[command(error = Broken)]
struct Pay {
    cents: u64,
}

#[derive(Task, Clone)]
struct Print(u8);

#[derive(Event, Clone)]
struct Paid(u8);

#[derive(Debug, PartialEq)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the till is broken")
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&fmt::Error)
    }
}

fn all(letters: &DeadLetters) -> Vec<DeadLetter> {
    letters.store().list(&Filter::any(), usize::MAX).unwrap()
}

fn only(letters: &DeadLetters) -> DeadLetter {
    let mut all = all(letters);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// D3.
#[test]
fn a_command_that_fails_is_one_letter_and_its_error_is_the_callers() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().command(|_: Pay| Err::<(), _>(Broken)).layer(letters.clone()).build().unwrap();
    assert_eq!(bus.execute(Pay { cents: 5 }).unwrap_err().into_handler().unwrap(), Broken);
    let letter = only(&letters);
    assert_eq!((letter.message.as_ref(), letter.kind, letter.attempts), ("dead_letters.Pay", Kind::Command, 1));
    assert_eq!(*letter.read::<Pay>().unwrap(), Pay { cents: 5 });
    assert_eq!((letter.error.reason, letter.error.is_retryable), (Reason::Handler, false));
    assert_eq!(letter.error.text.as_deref(), Some("the till is broken"));
    assert_eq!(letter.error.causes, [fmt::Error.to_string()]);
    assert_eq!(letter.error.type_name.as_deref(), Some("dead_letters::Broken"));
    let handler = letter.handler.as_ref().unwrap();
    assert!(handler.file.ends_with("dead_letters.rs") && handler.line > 0);
    assert_eq!((letters.kept(), letters.lost()), (1, 0));
}

/// D3.
#[test]
fn a_task_that_fails_is_one_letter() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().task(|_: Print| Err::<(), _>("no paper")).layer(letters.clone()).build().unwrap();
    bus.dispatch(Print(3)).unwrap_err();
    let letter = only(&letters);
    assert_eq!((letter.kind, letter.error.text.as_deref()), (Kind::Task, Some("no paper")));
    assert_eq!(letter.error.type_name, None);
    assert_eq!(letter.read::<Print>().unwrap().0, 3);
}

#[tokio::test]
async fn a_bus_has_the_same_letters() {
    let letters = DeadLetters::in_memory();
    let bus = Bus::empty()
        .command_async(|_: Pay| async {
            tokio::task::yield_now().await;
            Err::<(), _>(Broken)
        })
        .layer(letters.clone())
        .build()
        .unwrap();
    bus.execute(Pay { cents: 7 }).await.unwrap_err();
    assert_eq!(only(&letters).read::<Pay>().unwrap().cents, 7);
}

fn fail(_: &Paid) -> Result<(), Broken> {
    Err(Broken)
}

/// D4: one letter for each subscriber that failed, under its own name and in its own place.
#[test]
fn an_event_is_one_letter_for_each_subscriber_that_failed() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty()
        .subscribe(|_: &Paid| ())
        .subscribe(fail)
        .subscribe(|_: &Paid| ())
        .subscribe(|paid: &Paid| assert!(paid.0 != 1, "on fire"))
        .layer(letters.clone())
        .build()
        .unwrap();
    assert_eq!(bus.publish(Paid(1)).unwrap_err().failures().len(), 2);
    let [panicked, failed] = &all(&letters)[..] else { panic!("{:?}", all(&letters)) };
    let [failed_in, panicked_in] = [failed, panicked].map(|letter| letter.handler.clone().unwrap());
    assert_eq!((failed_in.place, panicked_in.place), (1, 3));
    assert!(failed_in.name.ends_with("fail"), "{}", failed_in.name);
    assert_eq!((failed.error.reason, failed.error.text.as_deref()), (Reason::Handler, Some("the till is broken")));
    assert_eq!(panicked.error.reason, Reason::Panicked);
    assert!(!panicked.error.text.as_deref().unwrap().contains("on fire"), "the text of a panic is not kept");
    assert_eq!(failed.dispatch_id, panicked.dispatch_id);
}

/// D5: whatever a subscriber fails with, it is one subscriber that failed.
#[test]
fn an_event_of_which_one_subscriber_fails_is_one_letter() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().subscribe(fail).subscribe(|_: &Paid| ()).layer(letters.clone()).build().unwrap();
    bus.publish(Paid(1)).unwrap_err();
    assert_eq!(only(&letters).handler.unwrap().place, 0);
}

/// D6.
#[test]
fn neither_queries_nor_successes_are_letters() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty()
        .query(|_: Ask| Err::<u32, _>(Broken))
        .command(|_: Pay| ())
        .subscribe(|_: &Paid| ())
        .task(|_: Print| ())
        .layer(letters.clone())
        .build()
        .unwrap();
    bus.send(Ask).unwrap_err();
    bus.execute(Pay { cents: 1 }).unwrap();
    bus.publish(Paid(1)).unwrap();
    bus.dispatch(Print(1)).unwrap();
    assert_eq!(all(&letters).len(), 0);
    assert!(bus.explain::<Ask>().unwrap().to_string().contains("left out, nothing is lost with a query"));
}

/// D6.
#[test]
fn a_command_without_a_handler_is_a_letter() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::builder().partial().layer(letters.clone()).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    let letter = only(&letters);
    assert_eq!((letter.error.reason, letter.handler), (Reason::NoHandler, None));
}

struct Refuse;

impl Around for Refuse {
    fn call(&self, dispatch: &mut Dispatch<'_>, _: Next<'_>) -> Done {
        dispatch.refuse("not today")
    }
}

/// What no handler saw is lost as well.
#[test]
fn what_a_layer_inside_refuses_is_a_letter() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(letters.clone()).layer(Refuse).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    assert_eq!(only(&letters).error.reason, Reason::Refused);
}

#[test]
fn a_panic_is_a_letter_and_goes_on_into_the_caller() {
    let letters = DeadLetters::in_memory();
    let bus =
        SyncBus::empty().command(|pay: Pay| assert!(pay.cents != 9, "on fire")).layer(letters.clone()).build().unwrap();
    let run = std::panic::AssertUnwindSafe(|| bus.execute(Pay { cents: 9 }));
    std::panic::catch_unwind(run).unwrap_err();
    let letter = only(&letters);
    assert_eq!((letter.error.reason, letter.read::<Pay>().unwrap().cents), (Reason::Panicked, 9));
}

#[tokio::test]
async fn a_dispatch_that_is_dropped_is_no_letter() {
    let letters = DeadLetters::in_memory();
    let bus = Bus::empty()
        .command_async(|_: Pay| std::future::pending::<Result<(), Broken>>())
        .layer(letters.clone())
        .build()
        .unwrap();
    let mut dispatch = Box::pin(bus.execute(Pay { cents: 1 }));
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(dispatch.as_mut().poll(&mut task).is_pending());
    drop(dispatch);
    assert_eq!(all(&letters).len(), 0);
}

/// A store that does what it is told.
#[derive(Default)]
struct Faulty {
    panics: bool,
    closed: AtomicU32,
}

impl DeadLetterStore for Faulty {
    fn append(&self, _: DeadLetter) -> Result<(), StoreError> {
        assert!(!self.panics, "the store is gone");
        Err(StoreError::other("the store is down"))
    }
    fn ids(&self, _: &Filter) -> Result<Vec<Uuid>, StoreError> {
        Err(StoreError::other("the store is down"))
    }
    fn get(&self, _: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        Ok(None)
    }
    fn count(&self) -> Result<usize, StoreError> {
        Ok(0)
    }
    fn delete(&self, _: Uuid) -> Result<bool, StoreError> {
        Ok(false)
    }
    fn note_replay(&self, _: Uuid) -> Result<(), StoreError> {
        Ok(())
    }
    fn close(&self) -> Result<(), StoreError> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::other("will not close"))
    }
    fn keeps(&self) -> linkbus::layer::dead_letter::Keeps {
        linkbus::layer::dead_letter::Keeps::Message
    }
}

/// D7.
#[test]
fn a_store_that_fails_or_panics_hides_no_error_and_is_counted() {
    for panics in [false, true] {
        let letters = DeadLetters::new(Faulty { panics, ..Faulty::default() });
        let bus = SyncBus::empty()
            .command(|_: Pay| Err::<(), _>(Broken))
            .subscribe(fail)
            .task(|_: Print| Err::<(), _>(Broken))
            .layer(letters.clone())
            .build()
            .unwrap();
        assert_eq!(bus.execute(Pay { cents: 5 }).unwrap_err().into_handler().unwrap(), Broken);
        assert!(bus.publish(Paid(1)).unwrap_err().failures()[0].downcast_ref::<Broken>().is_some());
        bus.dispatch(Print(1)).unwrap_err();
        assert_eq!((letters.kept(), letters.lost()), (0, 3));
    }
}

/// D1, D2, D8: closing the bus closes the store, once; afterwards letters are refused and counted.
#[test]
fn a_closed_bus_closes_its_store_once() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().command(|_: Pay| Err::<(), _>(Broken)).layer(letters.clone()).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    bus.close().unwrap();
    bus.close().unwrap();
    letters.store().close().unwrap();
    bus.execute(Pay { cents: 2 }).unwrap_err();
    assert_eq!((letters.kept(), letters.lost()), (1, 1));
    assert_eq!(only(&letters).read::<Pay>().unwrap().cents, 1);

    let store = Arc::new(Faulty::default());
    let bus = SyncBus::empty().layer(DeadLetters::new(store.clone())).build().unwrap();
    assert!(bus.close().unwrap_err().to_string().contains("DeadLetters"));
    let shared = SyncBus::empty().layer(DeadLetters::new(store.clone()).leave_store_open()).build().unwrap();
    shared.close().unwrap();
    assert_eq!(store.closed.load(Ordering::Relaxed), 1);
}

/// Sees what a recording would see.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Observer for Recorded {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push((dispatch.message().short_name(), dispatch.outcome().label().to_owned()));
    }
}

/// D9: one store for both buses, beside another observer.
#[tokio::test]
async fn two_buses_share_a_store_beside_other_observers() {
    let store = Arc::new(MemoryStore::new());
    let recorded = Recorded::default();
    let handler = |pay: Pay| if pay.cents == 0 { Err(Broken) } else { Ok(()) };
    let sync = SyncBus::empty()
        .command(handler)
        .layer(recorded.clone())
        .layer(DeadLetters::new(store.clone()).leave_store_open())
        .build()
        .unwrap();
    let bus = Bus::empty()
        .command(handler)
        .layer(DeadLetters::new(store.clone()).leave_store_open())
        .layer(recorded.clone())
        .build()
        .unwrap();
    sync.execute(Pay { cents: 0 }).unwrap_err();
    sync.execute(Pay { cents: 1 }).unwrap();
    bus.execute(Pay { cents: 0 }).await.unwrap_err();
    bus.execute(Pay { cents: 1 }).await.unwrap();
    sync.close().unwrap();
    assert_eq!(store.count().unwrap(), 2);
    let labels: Vec<_> = recorded.0.lock().unwrap().iter().map(|(_, label)| label.clone()).collect();
    assert_eq!(labels, ["failed", "succeeded", "failed", "succeeded"]);
}

/// D10, RD1, RD3.
#[test]
fn letters_are_listed_newest_first_and_got_and_deleted_by_id() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty()
        .command(|_: Pay| Err::<(), _>(Broken))
        .task(|_: Print| Err::<(), _>(Broken))
        .layer(letters.clone())
        .build()
        .unwrap();
    let store = letters.store();
    for cents in 1..=3 {
        bus.execute(Pay { cents }).unwrap_err();
    }
    bus.dispatch(Print(1)).unwrap_err();
    let newest = store.list(&Filter::of::<Pay>(), 2).unwrap();
    let cents: Vec<_> = newest.iter().map(|letter| letter.read::<Pay>().unwrap().cents).collect();
    assert_eq!(cents, [3, 2]);
    assert_eq!(store.get(newest[0].id).unwrap().unwrap().id, newest[0].id);
    assert!(store.delete(newest[0].id).unwrap());
    assert!(!store.delete(newest[0].id).unwrap());
    assert!(store.get(newest[0].id).unwrap().is_none());
    assert_eq!(store.count().unwrap(), 3);
    let at = newest[1].at;
    assert_eq!(store.ids(&Filter::any().since(at)).unwrap().len(), 2);
    assert_eq!(store.ids(&Filter::any().until(at)).unwrap().len(), 1);
    assert_eq!(store.ids(&Filter::any().reason(Reason::TimedOut)).unwrap().len(), 0);
    assert_eq!(store.ids(&Filter::any().handler("nobody")).unwrap().len(), 0);
    assert!(matches!(newest[0].read::<Print>(), Err(ReadError::OtherMessage { .. })));
}

/// D2, bounded.
#[test]
fn a_full_memory_store_evicts_the_oldest_and_counts_it() {
    let store = Arc::new(MemoryStore::with_capacity(2));
    let bus =
        SyncBus::empty().command(|_: Pay| Err::<(), _>(Broken)).layer(DeadLetters::new(store.clone())).build().unwrap();
    for cents in 1..=5 {
        bus.execute(Pay { cents }).unwrap_err();
    }
    let cents: Vec<_> =
        store.list(&Filter::any(), 9).unwrap().iter().map(|one| one.read::<Pay>().unwrap().cents).collect();
    assert_eq!((cents, store.evicted(), store.count().unwrap()), (vec![5, 4], 3, 2));
}

/// Tries three times.
struct Thrice;

impl Around for Thrice {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let was_kept = (0..2).map(|_| next.run(dispatch)).count();
        assert_eq!(was_kept, 2);
        next.run(dispatch)
    }
}

impl AsyncAround for Thrice {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        next.run(dispatch).await;
        next.run(dispatch).await;
        next.run(dispatch).await
    }
}

/// The layer that stands outside sees what is left when all attempts are over.
#[tokio::test]
async fn outside_a_layer_that_tries_again_there_is_one_letter() {
    let letters = DeadLetters::in_memory();
    let bus =
        SyncBus::empty().command(|_: Pay| Err::<(), _>(Broken)).layer(letters.clone()).layer(Thrice).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    let bus = Bus::empty().command(|_: Pay| Err::<(), _>(Broken)).layer(letters.clone()).layer(Thrice).build().unwrap();
    bus.execute(Pay { cents: 1 }).await.unwrap_err();
    assert_eq!(all(&letters).len(), 2);
}

#[derive(Command)]
struct NotClone;

/// A by-value handler would leave nothing to keep.
#[test]
fn a_message_that_cannot_be_kept_is_a_wiring_fault() {
    let error = SyncBus::empty().command(|_: NotClone| ()).layer(DeadLetters::in_memory()).build().unwrap_err();
    assert!(matches!(&error.faults()[0], Fault::MessageNotClone { layers, .. } if layers == &["DeadLetters"]));
}

struct Ship(Arc<Mutex<Option<Context>>>);
impl Observer for Ship {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().get_or_insert(dispatch.context());
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}

/// RD1: what belongs together can be found.
#[test]
fn a_letter_knows_what_it_belongs_to() {
    let letters = DeadLetters::in_memory();
    let seen = Arc::new(Mutex::new(None));
    let outer = seen.clone();
    let nested = SyncBus::empty().task(|_: Print| Err::<(), _>(Broken)).layer(letters.clone()).build().unwrap();
    let bus = SyncBus::empty()
        .command(move |_: Pay| {
            nested.dispatch(Print(1)).unwrap_err();
        })
        .layer(Ship(outer))
        .build()
        .unwrap();
    bus.execute(Pay { cents: 1 }).unwrap();
    let context = seen.lock().unwrap().unwrap();
    let letter = only(&letters);
    assert_eq!((letter.correlation_id, letter.causation_id), (context.correlation_id(), Some(context.id())));
}

#[test]
fn texts_can_be_left_out() {
    let letters = DeadLetters::in_memory().without_error_texts();
    let bus =
        SyncBus::empty().command(|_: Pay| Err::<(), _>(Broken)).subscribe(fail).layer(letters.clone()).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    bus.publish(Paid(1)).unwrap_err();
    for letter in all(&letters) {
        assert_eq!((letter.error.text, letter.error.causes.len()), (None, 0));
    }
    assert!(bus.explain::<Pay>().unwrap().to_string().contains("error texts = left out"));
}

/// A bus that is broken until it is mended, its letters, and what it handled.
struct Shop {
    letters: DeadLetters,
    is_broken: Arc<AtomicBool>,
    handled: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn new() -> Self {
        let (is_broken, handled) = (Arc::new(AtomicBool::new(true)), Arc::default());
        Shop { letters: DeadLetters::in_memory(), is_broken, handled }
    }

    fn work<M: 'static>(&self, show: fn(M) -> String) -> impl Fn(M) -> Result<(), Broken> + Send + Sync + 'static {
        let (is_broken, handled) = (self.is_broken.clone(), self.handled.clone());
        move |message| {
            if is_broken.load(Ordering::Relaxed) {
                return Err(Broken);
            }
            handled.lock().unwrap().push(show(message));
            Ok(())
        }
    }

    fn mend(&self) {
        self.is_broken.store(false, Ordering::Relaxed);
    }

    fn handled(&self) -> Vec<String> {
        self.handled.lock().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.letters.store().count().unwrap()
    }
}

/// X27.
#[test]
fn a_letter_is_replayed_and_deleted_when_it_is_handled() {
    let shop = Shop::new();
    let bus = SyncBus::empty()
        .command(shop.work(|pay: Pay| pay.cents.to_string()))
        .layer(shop.letters.clone())
        .build()
        .unwrap();
    for cents in 1..=3 {
        bus.execute(Pay { cents }).unwrap_err();
    }
    let replay = Replay::new(shop.letters.store(), &bus);
    let failed = replay.all(&Filter::any()).unwrap();
    assert_eq!((failed.failed(), shop.count()), (3, 3), "it fails again, and there is no second letter");
    assert!(all(&shop.letters).iter().all(|letter| letter.replays == 1));
    shop.mend();
    let second = all(&shop.letters)[1].id;
    let one = replay.one(second).unwrap();
    assert!(matches!(one.result, ReplayResult::Handled));
    let report = replay.all(&Filter::any()).unwrap();
    assert_eq!((report.handled(), shop.count()), (2, 0));
    assert_eq!(shop.handled(), ["2", "1", "3"]);
    assert!(matches!(replay.one(second).unwrap().result, ReplayResult::Skipped(Skipped::NotThere)));
}

/// X27.
#[tokio::test]
async fn a_bus_replays_too() {
    let shop = Shop::new();
    let work = Arc::new(shop.work(|pay: Pay| pay.cents.to_string()));
    let bus = Bus::empty()
        .command_async(move |pay: Pay| {
            let work = work.clone();
            async move {
                tokio::task::yield_now().await;
                work(pay)
            }
        })
        .layer(shop.letters.clone())
        .build()
        .unwrap();
    for cents in 1..=3 {
        bus.execute(Pay { cents }).await.unwrap_err();
    }
    let replay = Replay::new(shop.letters.store(), &bus);
    assert_eq!(replay.all(&Filter::any()).await.unwrap().failed(), 3);
    shop.mend();
    assert!(matches!(replay.one(all(&shop.letters)[0].id).await.unwrap().result, ReplayResult::Handled));
    let report = tokio::spawn({
        let (letters, bus) = (shop.letters.clone(), bus.clone());
        async move { Replay::new(letters.store(), &bus).at_most(1).all(&Filter::any()).await.unwrap() }
    });
    assert_eq!((report.await.unwrap().handled(), shop.count()), (1, 1));
    assert_eq!(shop.handled(), ["3", "1"]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let shop = Shop::new();
    let bus = SyncBus::empty().command(shop.work(|_: Pay| String::new())).layer(shop.letters.clone()).build().unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    shop.mend();
    let report = Replay::new(shop.letters.store(), &bus).dry_run().all(&Filter::any()).unwrap();
    assert!(report.is_dry_run && matches!(report.letters[0].result, ReplayResult::WouldRun));
    assert_eq!((shop.count(), shop.handled().len()), (1, 0));
    let elsewhere = SyncBus::empty().build().unwrap();
    let report = Replay::new(shop.letters.store(), &elsewhere).dry_run().all(&Filter::any()).unwrap();
    assert!(matches!(report.letters[0].result, ReplayResult::Skipped(Skipped::UnknownMessage)));
}

fn count(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The letter of a subscriber is not the others' business.
#[test]
fn an_event_is_replayed_for_the_subscriber_that_failed() {
    let shop = Shop::new();
    let others = Arc::new(AtomicU32::new(0));
    let [first, last] = [others.clone(), others.clone()];
    let bus = SyncBus::empty()
        .subscribe(move |_: &Paid| count(&first))
        .subscribe(|paid: &Paid| if paid.0 == 2 { Err(Broken) } else { Ok(()) })
        .subscribe({
            let work = shop.work(|paid: Paid| paid.0.to_string());
            move |paid: &Paid| work(paid.clone())
        })
        .subscribe(move |_: &Paid| count(&last))
        .layer(shop.letters.clone())
        .build()
        .unwrap();
    bus.publish(Paid(1)).unwrap_err();
    bus.publish(Paid(2)).unwrap_err();
    assert_eq!((others.swap(0, Ordering::Relaxed), shop.count()), (4, 3));
    shop.mend();
    let report = Replay::new(shop.letters.store(), &bus).all(&Filter::any()).unwrap();
    assert_eq!((report.handled(), report.failed()), (2, 1));
    assert_eq!((others.load(Ordering::Relaxed), shop.handled()), (0, vec!["1".to_owned(), "2".to_owned()]));
    let left = only(&shop.letters);
    assert_eq!((left.handler.unwrap().place, left.replays), (1, 1));
}

/// Sees which subscribers failed.
struct Places(Arc<Mutex<Vec<usize>>>);

impl Observer for Places {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        if let Outcome::Failed(failed) = dispatch.outcome() {
            self.0.lock().unwrap().extend(failed.subscribers().iter().map(|failed| failed.place));
        }
    }
}

#[tokio::test]
async fn an_event_is_replayed_for_the_async_subscriber_that_failed() {
    let shop = Shop::new();
    let places = Arc::new(Mutex::new(Vec::new()));
    let others = Arc::new(AtomicU32::new(0));
    let (first, work) = (others.clone(), Arc::new(shop.work(|paid: Paid| paid.0.to_string())));
    let bus = Bus::empty()
        .subscribe_async(move |_: &Paid| {
            first.fetch_add(1, Ordering::Relaxed);
            async {}
        })
        .subscribe_async(move |paid: &Paid| {
            let (work, paid) = (work.clone(), paid.clone());
            async move { work(paid) }
        })
        .layer(shop.letters.clone())
        .layer(Places(places.clone()))
        .build()
        .unwrap();
    bus.publish(Paid(1)).await.unwrap_err();
    let replay = Replay::new(shop.letters.store(), &bus);
    assert_eq!(replay.all(&Filter::any()).await.unwrap().failed(), 1);
    assert_eq!(only(&shop.letters).handler.unwrap().place, 1);
    assert_eq!(*places.lock().unwrap(), [1, 1], "in the dispatch and in the replay");
    shop.mend();
    assert_eq!(replay.all(&Filter::any()).await.unwrap().handled(), 1);
    assert_eq!((others.load(Ordering::Relaxed), shop.handled()), (1, vec!["1".to_owned()]));
}

/// A replay that panics fails, and the others go on.
#[test]
fn a_handler_that_panics_in_a_replay_keeps_its_letter() {
    let letters = DeadLetters::in_memory();
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = is_broken.clone();
    let bus = SyncBus::empty()
        .command(move |pay: Pay| {
            assert!(pay.cents != 1, "on fire");
            if broken.load(Ordering::Relaxed) { Err(Broken) } else { Ok(()) }
        })
        .layer(letters.clone())
        .build()
        .unwrap();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bus.execute(Pay { cents: 1 }))).unwrap_err();
    bus.execute(Pay { cents: 2 }).unwrap_err();
    is_broken.store(false, Ordering::Relaxed);
    let report = Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
    assert!(matches!(&report.letters[0].result, ReplayResult::Failed(error) if error.reason == Reason::Panicked));
    assert!(matches!(report.letters[1].result, ReplayResult::Handled));
    assert_eq!(only(&letters).read::<Pay>().unwrap().cents, 1);
}

#[derive(Command, Clone, serde::Serialize)]
struct Rename {
    #[bus(key)]
    user: u8,
    name: u8,
}

/// R25: order per key.
#[test]
fn behind_a_letter_that_fails_those_with_its_key_wait() {
    let shop = Shop::new();
    let (is_broken, handled) = (shop.is_broken.clone(), shop.handled.clone());
    let bus = SyncBus::empty()
        .command(move |rename: Rename| {
            if is_broken.load(Ordering::Relaxed) || rename.name == 0 {
                return Err(Broken);
            }
            handled.lock().unwrap().push(format!("{} {}", rename.user, rename.name));
            Ok(())
        })
        .layer(shop.letters.clone())
        .build()
        .unwrap();
    for (user, name) in [(1, 1), (2, 0), (1, 2), (2, 3), (3, 4), (2, 5)] {
        bus.execute(Rename { user, name }).unwrap_err();
    }
    let poison = shop.letters.store().ids(&Filter::any()).unwrap()[1];
    shop.mend();
    let report = Replay::new(shop.letters.store(), &bus).all(&Filter::of::<Rename>()).unwrap();
    assert_eq!((report.handled(), report.failed(), report.skipped()), (3, 1, 2));
    assert_eq!(shop.handled(), ["1 1", "1 2", "3 4"]);
    let waits = |one: &&linkbus::layer::dead_letter::Replayed| matches!(one.result, ReplayResult::Skipped(Skipped::Behind { letter }) if letter == poison);
    assert_eq!(report.letters.iter().filter(waits).count(), 2);
    assert_eq!(shop.count(), 3);
}

/// A store that fails to read one letter.
struct Scratched {
    store: MemoryStore,
    unread: Mutex<Option<Uuid>>,
}

impl DeadLetterStore for Scratched {
    fn append(&self, letter: DeadLetter) -> Result<(), StoreError> {
        self.store.append(letter)
    }
    fn ids(&self, filter: &Filter) -> Result<Vec<Uuid>, StoreError> {
        self.store.ids(filter)
    }
    fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let is_unread = *self.unread.lock().unwrap() == Some(id);
        if is_unread { Err(StoreError::other("a scratch")) } else { self.store.get(id) }
    }
    fn count(&self) -> Result<usize, StoreError> {
        self.store.count()
    }
    fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        self.store.delete(id)
    }
    fn note_replay(&self, id: Uuid) -> Result<(), StoreError> {
        self.store.note_replay(id)
    }
    fn close(&self) -> Result<(), StoreError> {
        self.store.close()
    }
    fn keeps(&self) -> linkbus::layer::dead_letter::Keeps {
        self.store.keeps()
    }
}

/// R25: nobody knows the key of a letter that cannot be read, so whatever has a key waits for it.
#[test]
fn behind_a_letter_that_cannot_be_read_those_with_a_key_wait() {
    let shop = Shop::new();
    let store = Arc::new(Scratched { store: MemoryStore::new(), unread: Mutex::default() });
    let bus = SyncBus::empty()
        .command(shop.work(|rename: Rename| format!("{} {}", rename.user, rename.name)))
        .command(shop.work(|pay: Pay| format!("paid {}", pay.cents)))
        .layer(DeadLetters::new(store.clone()))
        .build()
        .unwrap();
    for (user, name) in [(7, 0), (1, 1), (1, 2), (2, 1)] {
        bus.execute(Rename { user, name }).unwrap_err();
    }
    bus.execute(Pay { cents: 5 }).unwrap_err();
    shop.mend();
    let scratched = store.ids(&Filter::any()).unwrap()[1];
    *store.unread.lock().unwrap() = Some(scratched);
    let report = Replay::new(&store, &bus).all(&Filter::any()).unwrap();
    assert_eq!(shop.handled(), ["7 0", "paid 5"], "what came before, and what has no key");
    assert!(matches!(report.letters[1].result, ReplayResult::Skipped(Skipped::NotRead(_))));
    for waits in &report.letters[2..4] {
        let ReplayResult::Skipped(why @ Skipped::Behind { letter }) = &waits.result else { panic!("{waits:?}") };
        assert_eq!(*letter, scratched);
        assert!(why.to_string().contains("or could not be read"), "{why}");
    }
    *store.unread.lock().unwrap() = None;
    Replay::new(&store, &bus).all(&Filter::any()).unwrap();
    assert_eq!(shop.handled()[2..], ["1 1", "1 2", "2 1"]);
}

#[derive(Command, Clone)]
struct Close {
    #[bus(key)]
    #[expect(dead_code, reason = "it is there to be a key")]
    user: u8,
}

/// A key that cannot be read is taken for one and the same.
#[test]
fn where_the_key_cannot_be_read_all_letters_wait() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().command(|_: Close| Err::<(), _>(Broken)).layer(letters.clone()).build().unwrap();
    for user in 1..=3 {
        bus.execute(Close { user }).unwrap_err();
    }
    let report = Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
    assert_eq!((report.failed(), report.skipped()), (1, 2));
}

/// What a replay dispatches on its way has letters of its own.
#[test]
fn what_a_replayed_handler_sends_is_no_replay() {
    let letters = DeadLetters::in_memory();
    let bus =
        SyncBus::empty().command(send_on).task(|_: Print| Err::<(), _>(Broken)).layer(letters.clone()).build().unwrap();
    let nested = bus.clone();
    FORWARD.set(nested).unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    assert_eq!(letters.store().count().unwrap(), 2, "one of the command, one of the task");
    Replay::new(letters.store(), &bus).all(&Filter::of::<Pay>()).unwrap();
    assert_eq!(letters.store().ids(&Filter::of::<Print>()).unwrap().len(), 2);
    assert_eq!(letters.store().ids(&Filter::of::<Pay>()).unwrap().len(), 1);
}

static FORWARD: std::sync::OnceLock<SyncBus> = std::sync::OnceLock::new();

fn send_on(_: Pay) -> Result<(), Broken> {
    FORWARD.get().unwrap().dispatch(Print(1)).map_err(|_| Broken)
}

struct Ids(Arc<Mutex<Vec<Context>>>);
impl Observer for Ids {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        assert!(matches!(dispatch.outcome(), Outcome::Failed(_)));
        self.0.lock().unwrap().push(dispatch.context());
    }
}

/// The correlation goes on.
#[test]
fn a_replay_belongs_to_what_failed() {
    let letters = DeadLetters::in_memory();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let bus = SyncBus::empty()
        .command(|_: Pay| Err::<(), _>(Broken))
        .layer(letters.clone())
        .layer(Ids(seen.clone()))
        .build()
        .unwrap();
    bus.execute(Pay { cents: 1 }).unwrap_err();
    Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
    let seen = seen.lock().unwrap();
    let [first, second] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(second.correlation_id(), first.correlation_id());
    assert_eq!(second.causation_id(), Some(first.id()));
    assert_ne!(second.id(), first.id());
}

/// What a letter holds is not for logs.
#[test]
fn debug_shows_no_message() {
    #[derive(Command, Clone, Debug)]
    struct Login {
        #[expect(dead_code, reason = "it is there to be shown")]
        word: &'static str,
    }
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().command(|_: Login| Err::<(), _>("canary in the error")).layer(letters.clone());
    bus.build().unwrap().execute(Login { word: "canary" }).unwrap_err();
    let letter = only(&letters);
    assert!(matches!(letter.body, Body::Message(_)));
    let shown = format!("{letter:?} {:?} {:?} {letters:?}", letter.error, letter.body);
    assert!(!shown.contains("canary"), "{shown}");
}

/// Both buses take the layer from one function.
#[test]
fn one_layer_is_for_both_buses() {
    fn with_letters<B: Flavor>(builder: linkbus::Builder<B>) -> linkbus::Builder<B> {
        builder.layer(DeadLetters::in_memory())
    }
    with_letters(SyncBus::empty()).build().unwrap();
    with_letters(Bus::empty()).build().unwrap();
}
