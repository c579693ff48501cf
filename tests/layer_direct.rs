//! A `fn` with nothing but observers around it is called as without layers, unless they did something to the message.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    Builder, Bus, Command, Flavor, Query, SyncBus,
    clock::{ManualClock, Time},
    layer::{Dispatch, Observer},
};

#[derive(Query, Clone)]
#[query(reply = u32)]
struct Double(u32);

#[derive(Command)]
struct Burn;

fn ready<T>(dispatch: impl Future<Output = T>) -> T {
    dispatch.now_or_never().expect("no handler here waits")
}

/// Does something at the start, and tells of the ends.
#[derive(Clone)]
struct Meddle {
    start: fn(&mut Dispatch<'_>),
    ends: Arc<Mutex<Vec<String>>>,
}

impl Meddle {
    fn new(start: fn(&mut Dispatch<'_>)) -> Self {
        Meddle { start, ends: Arc::default() }
    }

    fn ends(&self) -> Vec<String> {
        std::mem::take(&mut *self.ends.lock().unwrap())
    }
}

impl Observer for Meddle {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        (self.start)(dispatch);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let is_there = if dispatch.any().is_some() { "there" } else { "gone" };
        let elapsed = dispatch.elapsed().unwrap().as_millis();
        self.ends.lock().unwrap().push(format!("{} {is_there} {elapsed}", dispatch.outcome().label()));
    }

    fn reads_clock(&self) -> bool {
        true
    }
}

fn share(dispatch: &mut Dispatch<'_>) {
    assert_eq!(dispatch.share().unwrap().downcast_ref::<Double>().unwrap().0, 4);
}

fn replace(dispatch: &mut Dispatch<'_>) {
    dispatch.replace(Double(5)).unwrap_or_else(|_| panic!("it is a `Double`"));
}

fn draw(dispatch: &mut Dispatch<'_>) {
    dispatch.context();
}

type Meddling = fn(&mut Dispatch<'_>);

/// What the handler gives after each meddling.
fn cases() -> [(Meddling, u32); 4] {
    [(|_| (), 8), (share, 8), (replace, 10), (draw, 8)]
}

#[test]
fn what_observers_do_to_the_message_reaches_the_handler() {
    for (start, reply) in cases() {
        let (clock, meddle) = (ManualClock::new(), Meddle::new(start));
        let till = clock.clone();
        let double = move |query: Double| {
            till.sleep(Duration::from_millis(3));
            query.0 * 2
        };
        let sync_bus = built(SyncBus::empty().query(double.clone()), &clock, &meddle);
        assert_eq!(sync_bus.send(Double(4)).unwrap(), reply);
        let bus = built(Bus::empty().query(double), &clock, &meddle);
        assert_eq!(ready(bus.send(Double(4))).unwrap(), reply);
        assert_eq!(meddle.ends(), ["succeeded gone 3"; 4]);
    }
}

/// Two of it, so that an order among them is seen too.
fn built<B: Flavor>(bus: Builder<B>, clock: &ManualClock, meddle: &Meddle) -> B {
    bus.clock(clock.clone()).layer(meddle.clone()).layer(Meddle { start: |_| (), ..meddle.clone() }).build().unwrap()
}

#[test]
fn a_panic_ends_each_observer_once_on_both_buses() {
    let (clock, meddle) = (ManualClock::new(), Meddle::new(|_| panic!("an observer's own")));
    let burn = |_: Burn| -> () { panic!("on fire") };
    let sync_bus = built(SyncBus::empty().command(burn), &clock, &meddle);
    let panic = catch_unwind(AssertUnwindSafe(|| sync_bus.execute(Burn))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on fire");
    assert_eq!(meddle.ends(), ["panicked gone 0", "panicked gone 0"]);
    let bus = built(Bus::empty().command(burn), &clock, &meddle);
    let panic = catch_unwind(AssertUnwindSafe(|| ready(bus.execute(Burn)))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on fire");
    assert_eq!(meddle.ends(), ["panicked gone 0", "panicked gone 0"]);
}

/// Each that was not yet called when one panics is called after it.
#[test]
fn observers_that_panic_keep_no_other_from_its_turn() {
    struct Bad(Arc<Mutex<Vec<String>>>);

    impl Observer for Bad {
        fn start(&self, _: &mut Dispatch<'_>) {
            self.0.lock().unwrap().push("start".to_owned());
            panic!("at the start");
        }

        fn end(&self, _: &mut Dispatch<'_>) {
            self.0.lock().unwrap().push("end".to_owned());
            panic!("at the end");
        }
    }

    let log = Arc::default();
    let bus = SyncBus::empty().query(|query: Double| query.0).layer(Bad(Arc::clone(&log)));
    let bus = bus.layer(Bad(Arc::clone(&log))).layer(Bad(Arc::clone(&log))).build().unwrap();
    assert_eq!(bus.send(Double(4)).unwrap(), 4);
    assert_eq!(*log.lock().unwrap(), ["start", "start", "start", "end", "end", "end"]);
}

/// As with every other future: nothing is done before it is polled.
#[test]
fn a_dispatch_that_is_not_polled_does_nothing() {
    let meddle = Meddle::new(|_| ());
    let bus = built(Bus::empty().query(|query: Double| query.0), &ManualClock::new(), &meddle);
    drop(bus.send(Double(4)));
    assert!(meddle.ends().is_empty());
}

#[derive(Query)]
#[query(reply = Arc<u32>)]
struct Share;

/// Sets an outcome at the start, or at the end.
struct Answers(Arc<u32>, bool);

impl Observer for Answers {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        if self.1 {
            dispatch.finish::<Share>(Ok(self.0.clone())).unwrap();
        }
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        if !self.1 {
            dispatch.finish::<Share>(Ok(self.0.clone())).unwrap();
        }
    }
}

/// What an observer says before the handler is replaced by what that says, and dropped; what it says afterwards counts.
#[test]
fn an_outcome_that_an_observer_sets_is_not_leaked() {
    for (at_start, expected) in [(true, 2), (false, 1)] {
        let answer = Arc::new(1);
        let sync_bus = SyncBus::empty().query(|_: Share| Arc::new(2)).layer(Answers(answer.clone(), at_start));
        assert_eq!(*sync_bus.build().unwrap().send(Share).unwrap(), expected);
        let bus = Bus::empty().query(|_: Share| Arc::new(2)).layer(Answers(answer.clone(), at_start));
        assert_eq!(*ready(bus.build().unwrap().send(Share)).unwrap(), expected);
        assert_eq!(Arc::strong_count(&answer), 1);
    }
}
