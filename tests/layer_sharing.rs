//! Who has the message of a handler that takes it by value: layers that share it, threads that it goes to.

use std::{
    any::Any,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use linkbus::{
    Builder, Bus, Command, SyncBus,
    clock::ManualClock,
    layer::{Around, Dispatch, Done, Next, Observer, Retry, Timeout},
};

use self::twice::Twice;

#[path = "support/twice.rs"]
mod twice;

/// It cannot be copied.
#[derive(Command)]
struct Pay(u32);

/// Its copies are counted.
#[derive(Command)]
struct Print(Arc<AtomicU32>);

impl Clone for Print {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Print(self.0.clone())
    }
}

/// What it was given, for as long as it is there.
#[derive(Default)]
struct Shelf(Mutex<Vec<Arc<dyn Any + Send + Sync>>>);

/// Shares every message, and keeps it if it has a shelf.
struct Share(Option<Arc<Shelf>>);

impl Observer for Share {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        let shared = dispatch.share();
        if let Some(shelf) = &self.0 {
            shelf.0.lock().unwrap().extend(shared);
        }
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}

/// How often a handler of `Print` was called with `layers` around it, and how many copies were made.
fn printed(layers: impl FnOnce(Builder<SyncBus>) -> Builder<SyncBus>) -> (u32, u32) {
    let (calls, copies) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let called = calls.clone();
    let bus = SyncBus::empty().command(move |_: Print| {
        called.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>("no paper")
    });
    layers(bus).clock(ManualClock::new()).build().unwrap().execute(Print(copies.clone())).unwrap_err();
    (calls.load(Ordering::Relaxed), copies.load(Ordering::Relaxed))
}

#[test]
fn a_message_that_cannot_be_copied_is_not_shared_with_its_handler() {
    let shelf = Arc::new(Shelf::default());
    let bus = SyncBus::empty().command(|pay: Pay| assert_eq!(pay.0, 3)).layer(Share(Some(shelf.clone())));
    bus.build().unwrap().execute(Pay(3)).unwrap();
    assert!(shelf.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_cannot_be_copied_is_not_shared_with_an_async_handler() {
    let bus = Bus::empty().command_async(|pay: Pay| async move { assert_eq!(pay.0, 3) }).layer(Share(None));
    bus.build().unwrap().execute(Pay(3)).await.unwrap();
}

#[test]
fn a_message_that_was_shared_and_let_go_is_handed_over() {
    assert_eq!(printed(|bus| bus.layer(Share(None))), (1, 0));
}

#[test]
fn a_message_that_somebody_still_has_is_copied() {
    let shelf = Arc::new(Shelf::default());
    assert_eq!(printed(|bus| bus.layer(Share(Some(shelf.clone())))), (1, 1));
    assert_eq!(shelf.0.lock().unwrap().len(), 1);
}

#[test]
fn a_shared_message_is_handed_over_once() {
    assert_eq!(printed(|bus| bus.layer(Share(None)).layer(Twice)), (1, 0));
    assert_eq!(printed(|bus| bus.layer(Share(Some(Arc::default()))).layer(Twice)), (1, 1));
}

#[test]
fn the_last_attempt_gets_no_copy_from_a_time_out() {
    let retry = || Retry::new().on_any_error().max_attempts(3);
    assert_eq!(printed(|bus| bus.layer(retry())), (3, 2));
    assert_eq!(printed(|bus| bus.layer(retry()).layer(Timeout::after(Duration::from_secs(3600)))), (3, 2));
}

/// Refuses the first call.
#[derive(Default)]
struct Hesitate(AtomicBool);

impl Around for Hesitate {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        if self.0.swap(true, Ordering::Relaxed) { next.run(dispatch) } else { dispatch.refuse("not yet") }
    }
}

#[test]
fn a_message_that_did_not_reach_its_handler_comes_back_from_the_thread_of_a_time_out() {
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Twice).layer(Timeout::new()).layer(Hesitate::default());
    bus.clock(ManualClock::new()).build().unwrap().execute(Pay(1)).unwrap();
}
