//! What a bus with transports says of messages that it does not know, and of names that fit nothing.

#[path = "support/log.rs"]
mod log;
#[path = "support/listen.rs"]
mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use linkbus::{
    Bus, Command, Event, PublishError,
    transport::{Answer, Features, Parcel, Transport, Undelivered, Via},
};
use serde::{Deserialize, Serialize};

use self::log::Log;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "users.Renamed")]
struct Renamed;

#[derive(Command, Serialize, Deserialize)]
#[command(name = "users.Rename")]
struct Rename;

/// Counts what is given to it.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU32>);

impl Transport for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn features(&self) -> Features {
        Features::default()
    }

    async fn carry(&self, _: Parcel) -> Result<Answer, Undelivered> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Answer::Done(Vec::new()))
    }
}

#[tokio::test]
async fn an_event_that_the_bus_does_not_know_is_refused_where_there_are_transports() {
    let counted = Counted::default();
    let bus = Bus::empty().transport(counted.clone()).build().unwrap();
    let error = bus.publish(Renamed).await.unwrap_err();
    assert!(matches!(error, PublishError::Refused { message: "users.Renamed", .. }), "{error:?}");
    assert!(!error.is_retryable());
    let what_to_do = std::error::Error::source(&error).unwrap().to_string();
    assert!(what_to_do.contains("add `.message::<E>()` to the builder"), "{what_to_do}");

    let bus = Bus::empty().message::<Renamed>().transport(counted.clone()).build().unwrap();
    bus.publish(Renamed).await.unwrap();
    assert_eq!(counted.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_no_error() {
    let elsewhere = Via::new(Counted::default()).except(["users.*"]);
    Bus::empty().message::<Renamed>().transport(elsewhere).build().unwrap().publish(Renamed).await.unwrap();
    Bus::empty().build().unwrap().publish(Renamed).await.unwrap();
}

#[test]
fn a_name_that_fits_no_message_is_warned_of_with_its_place() {
    let log = Log::default();
    let build = |names: &[&str]| {
        let via = Via::new(Counted::default()).only(names.iter().copied());
        Bus::empty().message::<Renamed>().transport(via).build().unwrap();
    };
    support::listening(log.clone(), || build(&["users.*", "users.Renamed"]));
    assert_eq!(log.text(), "");
    support::listening(log.clone(), || build(&["users.*", "user.*"]));
    let text = log.text();
    assert!(text.contains("pattern=\"user.*\"") && text.contains("place=tests/transport_names.rs:"), "{text}");
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
}

#[test]
fn a_missing_handler_that_a_transport_leaves_out_says_so() {
    let via = Via::new(Counted::default()).only(["user.*"]);
    let error = Bus::empty().message::<Rename>().transport(via).build().unwrap_err();
    let note = "transport `counted` would carry it, if `Via::only` or `Via::except` let `users.Rename` through";
    assert!(error.to_string().contains(note), "{error}");
    let error = Bus::empty().message::<Rename>().build().unwrap_err();
    assert!(!error.to_string().contains("would carry it"), "{error}");
}
