//! What a time-out says in the log.

use std::time::Duration;

use crate::{
    handler::HandlerFacts,
    message::{Kind, MessageFacts},
};

#[cold]
pub(super) fn timed_out(message: &MessageFacts, after: Duration) {
    let MessageFacts { kind, name, .. } = message;
    let who = if *kind == Kind::Event { "the subscribers" } else { "the handler" };
    let whose = if *kind == Kind::Event { "their" } else { "its" };
    tracing::warn!(target: "linkbus", name, ?after, "{who} of {kind} `{name}` exceeded {whose} time-out of {after:?}");
}

#[cold]
pub(super) fn subscriber_timed_out(subscriber: &HandlerFacts, after: Duration) {
    let HandlerFacts { name: subscriber, message, .. } = subscriber;
    let name = message.name;
    tracing::warn!(
        target: "linkbus", name, subscriber, ?after,
        "subscriber `{subscriber}` of event `{name}` exceeded its time-out of {after:?}"
    );
}

#[cold]
pub(super) fn not_started(message: &MessageFacts, after: Duration) {
    let MessageFacts { kind, name, .. } = message;
    tracing::warn!(
        target: "linkbus", name, ?after,
        "{kind} `{name}` found no free thread within {after:?} and was withdrawn: give the time-out more threads"
    );
}

/// The text of the panic is left to the panic hook: it may hold what the message held.
#[cold]
pub(super) fn late_panic(message: &MessageFacts) {
    let MessageFacts { kind, name, .. } = message;
    tracing::error!(
        target: "linkbus", name,
        "the handler of {kind} `{name}` panicked after its time-out, when nobody waited for it any more"
    );
}

#[cold]
pub(super) fn no_thread(error: &std::io::Error) {
    let error: &(dyn std::error::Error + 'static) = error;
    tracing::error!(target: "linkbus", error, "a time-out could not start a thread");
}
