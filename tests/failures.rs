//! Claims of the page `docs/layers/failures.md` that no other test makes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linkbus::{
    Command, ExecuteError, SyncBus,
    clock::ManualClock,
    layer::{
        Around, Counts, DeadLetters, Dispatch, Done, Latency, LatencyStats, Next, Reason, Retry, Timeout,
        dead_letter::Filter,
    },
};

#[derive(Command, Clone)]
struct Pay;

linkbus::module!(messages: [Pay]);

#[allow(clippy::needless_pass_by_value, reason = "a closure would take it so")]
fn fails(_: Pay) -> Result<(), &'static str> {
    Err("no money")
}

/// Why each letter was written.
fn reasons(letters: &DeadLetters) -> Vec<Reason> {
    let letters = letters.store().list(&Filter::any(), usize::MAX).unwrap();
    letters.iter().map(|letter| letter.error.reason).collect()
}

#[test]
fn without_a_handler_there_is_a_letter_where_the_bus_knows_the_message() {
    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().modules([MODULE]).partial().layer(letters.clone()).layer(Retry::new()).build().unwrap();
    assert!(matches!(bus.execute(Pay), Err(ExecuteError::NoHandler { .. })));
    assert_eq!(reasons(&letters), [Reason::NoHandler]);

    let letters = DeadLetters::in_memory();
    let bus = SyncBus::empty().layer(letters.clone()).build().unwrap();
    assert!(matches!(bus.execute(Pay), Err(ExecuteError::NoHandler { .. })));
    assert_eq!(reasons(&letters), []);
}

#[test]
fn after_close_handlers_are_called_and_letters_are_counted_as_lost() {
    let letters = DeadLetters::in_memory();
    let timeout = Timeout::new().threads(1);
    let bus = SyncBus::empty().command(fails).layer(letters.clone()).layer(timeout).build().unwrap();
    bus.execute(Pay).unwrap_err();
    bus.close().unwrap();
    assert_eq!(bus.execute(Pay).unwrap_err().to_string(), "no money");
    assert_eq!((letters.kept(), letters.lost()), (1, 1));
    bus.close().unwrap();
}

struct Panics;

impl Around for Panics {
    fn call(&self, _: &mut Dispatch<'_>, _: Next<'_>) -> Done {
        panic!("in the layer")
    }
}

#[test]
fn an_around_that_panics_is_a_panic_of_the_dispatch() {
    let (letters, counts) = (DeadLetters::in_memory(), Counts::new());
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(counts.clone()).layer(letters.clone()).layer(Panics);
    let bus = bus.build().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| bus.execute(Pay))).is_err());
    assert_eq!(reasons(&letters), [Reason::Panicked]);
    assert_eq!((counts.snapshot().total_failed(), counts.snapshot().total_in_flight()), (1, 0));
}

#[test]
fn a_predicate_that_panics_is_a_panic_of_the_dispatch() {
    let letters = DeadLetters::in_memory();
    let retry = Retry::new().when(|_| panic!("in the predicate"));
    let bus = SyncBus::empty().command(fails).layer(letters.clone()).layer(retry).build().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| bus.execute(Pay))).is_err());
    assert_eq!(reasons(&letters), [Reason::Panicked]);
}

#[test]
fn a_callback_that_panics_changes_nothing() {
    let clock = ManualClock::new();
    let slow = clock.clone();
    let stats = LatencyStats::new();
    let latency = Latency::new(&stats).on_slow(|_| panic!("in the callback"));
    let pay = move |_: Pay| slow.advance(std::time::Duration::from_secs(9));
    let bus = SyncBus::empty().command(pay).layer(latency).clock(clock).build().unwrap();
    bus.execute(Pay).unwrap();
    assert_eq!(stats.percentiles::<Pay>().unwrap().count, 1);
}
