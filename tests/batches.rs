//! Batches through a transport: how many messages are under way, in which order, and what is left of a batch that fails.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt as _, future::pending};
use linkbus::{
    Bus, Command, Event, Task,
    transport::{Answer, Completion, Features, Parcel, Transport, Undelivered, Via},
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship(u32);

#[derive(Event, Serialize, Deserialize)]
#[event(name = "shop.Shipped")]
struct Shipped(u32);

#[derive(Task, Serialize, Deserialize)]
#[task(name = "shop.Remind")]
struct Remind(u32);

/// A transport that answers when it is told to.
#[derive(Clone)]
struct Slow {
    features: Features,
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
}

/// The number in a message, and who waits for the answer to it.
type Waiting = (u32, oneshot::Sender<Result<Answer, Undelivered>>);

impl Slow {
    fn new(batch_window: usize) -> Self {
        let mut features = Features::default();
        (features.completion, features.batch_window) = (Completion::Accepted, batch_window);
        Slow { features, waiting: Arc::default() }
    }

    /// The numbers of what is under way.
    fn under_way(&self) -> Vec<u32> {
        self.waiting.lock().unwrap().iter().map(|(number, _)| *number).collect()
    }

    /// One round trip: all that is under way is accepted. How many that were.
    fn accept_all(&self) -> usize {
        let waiting: Vec<_> = self.waiting.lock().unwrap().drain(..).collect();
        let count = waiting.len();
        for (_, answer) in waiting {
            answer.send(Ok(Answer::Done(Vec::new()))).unwrap();
        }
        count
    }

    fn answer(&self, number: u32, answer: Result<Answer, Undelivered>) {
        let mut waiting = self.waiting.lock().unwrap();
        let place = waiting.iter().position(|(waiting, _)| *waiting == number).unwrap();
        waiting.remove(place).unwrap().1.send(answer).unwrap();
    }

    /// Round trips until `batch` is over, with what each of them had.
    fn round_trips<T>(&self, batch: impl Future<Output = T>) -> (T, Vec<usize>) {
        let (mut batch, mut rounds) = (pin!(batch), Vec::new());
        loop {
            match batch.as_mut().now_or_never() {
                Some(outcome) => return (outcome, rounds),
                None => rounds.push(self.accept_all()),
            }
        }
    }
}

impl Transport for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn features(&self) -> Features {
        self.features
    }

    async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        let number = serde_json::from_slice(&parcel.body).unwrap();
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap().push_back((number, answer));
        answered.await.unwrap()
    }
}

/// A bus that has no handlers.
fn here(transport: Slow) -> Bus {
    let known = Bus::empty().message::<Ship>().message::<Shipped>().message::<Remind>();
    known.transport(Via::new(transport).codec(linkbus::transport::Json)).build().unwrap()
}

#[test]
fn as_many_are_under_way_as_the_transport_allows() {
    for (window, rounds) in [(1, vec![1; 10]), (0, vec![1; 10]), (4, vec![4, 4, 2]), (256, vec![10])] {
        let slow = Slow::new(window);
        let bus = here(slow.clone());
        let (outcome, commands) = slow.round_trips(bus.execute_many((0..10).map(Ship)));
        outcome.unwrap();
        let (outcome, events) = slow.round_trips(bus.publish_many((0..10).map(Shipped)));
        outcome.unwrap();
        let (outcome, tasks) = slow.round_trips(bus.dispatch_many((0..10).map(Remind)));
        outcome.unwrap();
        assert_eq!([&commands, &events, &tasks], [&rounds; 3], "with a window of {window}");
    }
}

#[test]
fn a_thousand_messages_take_four_round_trips_in_the_place_of_a_thousand() {
    let (one_by_one, pipelined) = (Slow::new(1), Slow::new(256));
    let trips = |slow: &Slow| slow.round_trips(here(slow.clone()).execute_many((0..1_000).map(Ship))).1.len();
    assert_eq!((trips(&one_by_one), trips(&pipelined)), (1_000, 4));
}

#[test]
fn messages_are_sent_in_their_order_and_taken_when_there_is_room() {
    let slow = Slow::new(3);
    let bus = here(slow.clone());
    let taken = Mutex::new(0);
    let ships = (0..6).map(|number| {
        *taken.lock().unwrap() += 1;
        Ship(number)
    });
    let mut batch = pin!(bus.execute_many(ships));
    assert!(batch.as_mut().now_or_never().is_none());
    assert_eq!((slow.under_way(), *taken.lock().unwrap()), (vec![0, 1, 2], 3));
    // One that is over before those in front of it makes no room: nobody could be told of it yet.
    slow.answer(1, Ok(Answer::Done(Vec::new())));
    assert!(batch.as_mut().now_or_never().is_none());
    assert_eq!(slow.under_way(), [0, 2]);
    slow.answer(0, Ok(Answer::Done(Vec::new())));
    assert!(batch.as_mut().now_or_never().is_none());
    assert_eq!((slow.under_way(), *taken.lock().unwrap()), (vec![2, 3, 4], 5));
}

#[test]
fn a_batch_ends_with_the_first_that_fails_and_tells_its_position() {
    let slow = Slow::new(4);
    let bus = here(slow.clone());
    let mut batch = pin!(bus.execute_many((0..10).map(Ship)));
    assert!(batch.as_mut().now_or_never().is_none());
    slow.answer(3, Err(Undelivered::NoHandler));
    slow.answer(2, Err(Undelivered::Overloaded));
    slow.answer(0, Ok(Answer::Done(Vec::new())));
    assert!(batch.as_mut().now_or_never().is_none(), "message 1 may still fail before the others");
    slow.answer(1, Ok(Answer::Done(Vec::new())));
    let error = batch.now_or_never().unwrap().unwrap_err();
    assert_eq!(error.completed, 2);
    assert!(matches!(error.error, linkbus::ExecuteError::Overloaded { .. }), "{error:?}");
    // What was sent in the meantime is behind it, and was under way.
    assert_eq!(slow.under_way(), [4]);
}

#[test]
fn what_is_handled_here_or_waits_for_its_handler_is_one_after_the_other() {
    let mut handled = Slow::new(256);
    handled.features.completion = Completion::Handled;
    let bus = here(handled.clone());
    let (outcome, rounds) = handled.round_trips(bus.execute_many((0..3).map(Ship)));
    outcome.unwrap();
    assert_eq!(rounds, [1; 3], "the transport waits for handlers");

    let slow = Slow::new(256);
    let begun = Arc::new(Mutex::new(0));
    let count = Arc::clone(&begun);
    let heard_here = Bus::empty().subscribe(move |_: &Shipped| *count.lock().unwrap() += 1);
    let bus = heard_here.transport(Via::new(slow.clone()).codec(linkbus::transport::Json)).build().unwrap();
    let (outcome, rounds) = slow.round_trips(bus.publish_many((0..3).map(Shipped)));
    outcome.unwrap();
    assert_eq!((rounds, *begun.lock().unwrap()), (vec![1; 3], 3), "a subscriber is on the bus");

    let begun = Arc::new(Mutex::new(0));
    let count = Arc::clone(&begun);
    let never = move |_: Ship| {
        *count.lock().unwrap() += 1;
        pending::<()>()
    };
    let bus = Bus::empty().command_async(never).transport(Slow::new(256)).build().unwrap();
    assert!(bus.execute_many((0..3).map(Ship)).now_or_never().is_none());
    assert_eq!(*begun.lock().unwrap(), 1, "the handler is on the bus");
}

#[test]
fn an_event_of_several_transports_is_as_slow_as_the_slowest_of_them() {
    let (fast, slow) = (Slow::new(256), Slow::new(2));
    let via = |transport: &Slow| Via::new(transport.clone()).codec(linkbus::transport::Json);
    let bus = Bus::empty().message::<Shipped>().message::<Ship>().transport(via(&fast)).transport(via(&slow));
    let bus = bus.build().unwrap();
    assert!(bus.publish_many((0..9).map(Shipped)).now_or_never().is_none());
    assert_eq!(fast.under_way().len(), 2);
    // A command goes through the first only.
    fast.waiting.lock().unwrap().clear();
    assert!(bus.execute_many((0..9).map(Ship)).now_or_never().is_none());
    assert_eq!(fast.under_way().len(), 9);
}
