//! Messages for later: what a transport is told, what it is not, and what is refused.

use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use linkbus::{
    Bus, Command, DispatchError, ExecuteError, Task,
    layer::{Dispatch, Observer, Timeout},
    transport::{Answer, Endpoint, Envelope, Features, Parcel, Transport, Undelivered},
};
use serde::{Deserialize, Serialize};

#[derive(Task, Clone, Debug, Serialize, Deserialize)]
#[task(name = "shop.Remind")]
struct Remind;

#[derive(Command, Serialize, Deserialize)]
#[command(name = "shop.Ship")]
struct Ship;

const HOUR: Duration = Duration::from_secs(3600);

/// A transport that takes everything, or nothing for later.
#[derive(Clone, Default)]
struct Post {
    features: Features,
    carried: Arc<Mutex<Vec<Parcel>>>,
    keeps_nothing: bool,
}

impl Post {
    fn that_keeps() -> Self {
        let mut features = Features::default();
        features.schedules = true;
        Post { features, ..Post::default() }
    }

    fn envelopes(&self) -> Vec<Envelope> {
        self.carried.lock().unwrap().iter().map(|parcel| parcel.envelope.clone()).collect()
    }
}

impl Transport for Post {
    fn name(&self) -> &'static str {
        "post"
    }

    fn features(&self) -> Features {
        self.features
    }

    async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
        if self.keeps_nothing && parcel.envelope.due.is_some() {
            return Err(Undelivered::CannotWait("the office is too old: renew it".into()));
        }
        self.carried.lock().unwrap().push(parcel);
        Ok(Answer::Done(Vec::new()))
    }
}

fn here(post: &Post) -> Bus {
    Bus::empty().message::<Remind>().message::<Ship>().transport(post.clone()).build().unwrap()
}

fn millis(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// All that the error says.
fn texts(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_message_for_later_tells_the_transport_when_it_is_due() {
    let post = Post::that_keeps();
    let bus = here(&post);
    let due = SystemTime::now() + HOUR;
    bus.dispatch_at(due, Remind).await.unwrap();
    bus.execute_at(due, Ship).await.unwrap();
    let before = SystemTime::now();
    bus.dispatch_after(HOUR, Remind).await.unwrap();
    bus.execute_after(HOUR, Ship).await.unwrap();
    let told: Vec<_> = post.envelopes().iter().map(|envelope| envelope.due.unwrap()).collect();
    assert!(told[..2].iter().all(|told| (millis(due)..=millis(due) + 1).contains(told)), "{told:?}");
    assert!(told[2..].iter().all(|told| (millis(before + HOUR)..=millis(SystemTime::now() + HOUR) + 1).contains(told)));
}

#[tokio::test]
async fn a_time_is_never_rounded_to_one_before_it() {
    let post = Post::that_keeps();
    let due = UNIX_EPOCH + Duration::from_secs(10_000_000_000) + Duration::from_nanos(1);
    here(&post).dispatch_at(due, Remind).await.unwrap();
    assert_eq!(post.envelopes()[0].due, Some(10_000_000_000_001));
}

#[tokio::test]
async fn a_time_in_the_past_is_at_once() {
    let post = Post::that_keeps();
    here(&post).dispatch_at(SystemTime::now() - HOUR, Remind).await.unwrap();
    here(&post).dispatch_after(Duration::ZERO, Remind).await.unwrap();
    assert_eq!(post.envelopes().iter().map(|envelope| envelope.due).collect::<Vec<_>>(), [None, None]);
}

#[tokio::test]
async fn a_time_out_of_the_caller_does_not_go_along() {
    let post = Post::that_keeps();
    let known = Bus::empty().message::<Remind>().layer(Timeout::after(HOUR));
    let bus = known.transport(post.clone()).build().unwrap();
    bus.dispatch(Remind).await.unwrap();
    bus.dispatch_after(HOUR, Remind).await.unwrap();
    let deadlines: Vec<_> = post.envelopes().iter().map(|envelope| envelope.deadline.is_some()).collect();
    assert_eq!(deadlines, [true, false]);
}

#[tokio::test]
async fn what_a_transport_keeps_has_the_ids_of_its_sender_and_is_nested_in_nothing() {
    let post = Post::that_keeps();
    let elsewhere = here(&post);
    let handler = move |_: Ship| {
        let bus = elsewhere.clone();
        async move {
            bus.dispatch(Remind).await?;
            bus.dispatch_after(HOUR, Remind).await
        }
    };
    let there = Bus::empty().layer(HasIds).command_async(handler).replayable().build().unwrap();
    let sender = Envelope::of::<Ship>();
    let ship = Parcel { envelope: sender.clone(), body: b"\xc0".to_vec() };
    assert_eq!(Endpoint::new(&there).unwrap().deliver(ship).await, Answer::Done(Vec::new()));
    let envelopes = post.envelopes();
    assert_eq!(envelopes.iter().map(|envelope| envelope.depth).collect::<Vec<_>>(), [1, 0]);
    for envelope in envelopes {
        assert_eq!((envelope.causation, envelope.correlation), (Some(sender.id), sender.correlation));
    }
}

/// Asks for the ids of each dispatch, so that what its handler sends is caused by it.
struct HasIds;

impl Observer for HasIds {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        dispatch.context();
    }

    fn end(&self, _: &mut Dispatch<'_>) {}
}

#[tokio::test]
async fn what_is_handled_here_is_refused_and_not_handled() {
    let (post, handled) = (Post::that_keeps(), Arc::new(Mutex::new(0)));
    let with_handler = || {
        let count = Arc::clone(&handled);
        Bus::empty().task(move |_: Remind| *count.lock().unwrap() += 1).transport(post.clone())
    };
    let (without_layers, with_layers) = (with_handler(), with_handler().replayable());
    for bus in [without_layers.build().unwrap(), with_layers.build().unwrap()] {
        // In the past as well: whether it works does not depend on the time.
        for due in [SystemTime::now() + HOUR, UNIX_EPOCH] {
            let error = bus.dispatch_at(due, Remind).await.unwrap_err();
            assert!(matches!(error, DispatchError::Refused { .. }), "{error:?}");
            assert!(texts(&error).contains("`shop.Remind` is handled on this bus"), "{}", texts(&error));
        }
    }
    assert_eq!((*handled.lock().unwrap(), post.envelopes().len()), (0, 0));
}

#[tokio::test]
async fn what_nobody_handles_says_so() {
    let error = Bus::empty().build().unwrap().dispatch_after(HOUR, Remind).await.unwrap_err();
    assert!(matches!(error, DispatchError::NoHandler { .. }), "{error:?}");
}

#[tokio::test]
async fn a_transport_that_keeps_nothing_is_given_nothing() {
    let (knows_nothing_of_it, too_old) = (Post::default(), Post { keeps_nothing: true, ..Post::that_keeps() });
    for (post, why) in [(knows_nothing_of_it, "`post` keeps no message until it is due"), (too_old, "renew it")] {
        let error = here(&post).execute_after(HOUR, Ship).await.unwrap_err();
        assert!(matches!(error, ExecuteError::Refused { .. }) && !error.is_retryable(), "{error:?}");
        assert!(texts(&error).contains(why), "{}", texts(&error));
        assert_eq!(post.envelopes().len(), 0);
    }
}

#[tokio::test]
async fn a_delay_without_an_end_is_refused() {
    let post = Post::that_keeps();
    let error = here(&post).dispatch_after(Duration::MAX, Remind).await.unwrap_err();
    assert!(matches!(error, DispatchError::Refused { .. }), "{error:?}");
    assert_eq!(post.envelopes().len(), 0);
}

#[tokio::test]
async fn the_layers_of_the_caller_see_the_call_now() {
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<Option<SystemTime>>>>);

    impl Observer for Seen {
        fn start(&self, _: &mut Dispatch<'_>) {}

        fn end(&self, dispatch: &mut Dispatch<'_>) {
            assert_eq!(dispatch.outcome().label(), "succeeded");
            self.0.lock().unwrap().push(dispatch.due());
        }
    }

    let seen = Seen::default();
    let known = Bus::empty().message::<Remind>().layer(seen.clone());
    let bus = known.transport(Post::that_keeps()).build().unwrap();
    let due = SystemTime::now() + HOUR;
    bus.dispatch_at(due, Remind).await.unwrap();
    bus.dispatch(Remind).await.unwrap();
    assert_eq!(*seen.0.lock().unwrap(), [Some(due), None]);
}

#[test]
fn an_envelope_without_a_time_is_written_as_it_always_was() {
    let mut envelope = Envelope::of::<Remind>();
    let usual = envelope.to_bytes();
    assert!(!usual.windows(3).any(|bytes| bytes == b"due"));
    envelope.due = Some(7);
    assert_eq!(Envelope::from_bytes(&envelope.to_bytes()).unwrap(), envelope);
    envelope.due = None;
    assert_eq!(envelope.to_bytes(), usual);
}

#[cfg(feature = "testing")]
mod in_tests {
    use linkbus::{AnyError, handler, testing::FakeBus};

    use super::*;

    #[tokio::test]
    async fn a_fake_notes_what_is_for_later() {
        let due = SystemTime::now() + HOUR;
        let fake = FakeBus::new();
        fake.bus().dispatch_at(due, Remind).await.unwrap();
        fake.bus().dispatch(Remind).await.unwrap();
        fake.assert_dispatched::<Remind>(2);
        let noted = fake.all();
        assert_eq!((noted[0].due(), noted[1].due()), (Some(due), None));
        assert!(noted[0].to_string().contains("-> succeeded, for later, at "), "{}", noted[0]);
    }

    #[handler]
    async fn ship(_: Ship, bus: &Bus) -> Result<(), AnyError> {
        Ok(bus.dispatch_after(HOUR, Remind).await?)
    }

    linkbus::module! { messages: [Ship, Remind], handlers: [ship] }

    #[tokio::test]
    async fn a_run_that_is_followed_has_what_is_for_later() {
        let bus = Bus::empty().modules([MODULE]).transport(Post::that_keeps()).build().unwrap();
        let run = bus.track().execute(Ship).await;
        assert_eq!(run.succeeds().tree().count::<Remind>(), 1);
    }
}
