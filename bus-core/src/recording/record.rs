//! One dispatch, written down.

use std::{
    borrow::Cow,
    fmt,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime},
};

use uuid::Uuid;

use crate::{layer::Reason, message::Kind};

/// One dispatch, written down when it ended.
///
/// `Debug` shows neither the payload, nor the result, nor what the error says.
///
/// ```
/// use linkbus::{Command, SyncBus, recording::{MemoryStore, Recording}};
///
/// #[derive(Command, serde::Serialize)]
/// #[command(name = "shop.Pay")]
/// struct Pay { cents: u64 }
///
/// let records = MemoryStore::new();
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(Recording::new(records.clone())).build()?;
/// bus.execute(Pay { cents: 995 })?;
///
/// let record = &records.records()[0];
/// assert_eq!((&*record.message, record.payload()), ("shop.Pay", Some(r#"{"cents":995}"#)));
/// assert!(record.is_success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When it began, by the clock on the wall.
    pub at: SystemTime,
    /// Query, command, event or task.
    pub kind: Kind,
    /// The wire name of the message.
    pub message: Cow<'static, str>,
    /// The type's own name, without its path.
    pub class: Cow<'static, str>,
    /// How long the layers inside the recording and the handler took.
    pub duration: Duration,
    /// What became of it.
    pub ended: Ended,
    /// The id of the dispatch: [`Context::id`](crate::Context::id).
    pub id: Uuid,
    /// What it belongs to: [`Context::correlation_id`](crate::Context::correlation_id).
    pub correlation_id: Uuid,
    /// The dispatch that caused it: [`Context::causation_id`](crate::Context::causation_id).
    pub causation_id: Option<Uuid>,
    /// The handler; `None` for an event, and where there is none.
    pub handler: Option<HandlerName>,
    /// Which attempt it was, counted from 1; outside a retry, how many there were.
    pub attempt: u32,
    /// Whether a handler of this process sent it: a replay sends it by sending what that handler handled. Not known of what a
    /// handler sends from a thread or a task that it began.
    pub is_nested: bool,
    /// On which thread, and in which task, it ended.
    pub worker: Worker,
    /// Why there is no [`payload`](Self::payload), if there is none.
    pub withheld: Option<Withheld>,
    /// Whether something in the payload or the result was replaced by `***REDACTED***`.
    pub is_redacted: bool,
    pub(super) texts: Texts,
}

/// What became of a dispatch.
///
/// ```
/// use linkbus::{layer::Reason, recording::Ended};
///
/// assert_eq!(Ended::Failed(Reason::TimedOut).label(), "timed_out");
/// assert_eq!(Ended::from_label("timed_out"), Some(Ended::Failed(Reason::TimedOut)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The handler succeeded, or a layer answered in its place; an event: all subscribers did.
    Succeeded,
    /// It failed.
    Failed(Reason),
    /// The handler panicked, and the panic went on into the caller.
    Panicked,
    /// Its caller, or a time-out outside the recording, dropped it before it was over.
    Abandoned,
}

/// Who handled a message. Shown as `module::function`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerName {
    /// The module, from the crate down; empty for what was registered by hand.
    pub module: Cow<'static, str>,
    /// The function.
    pub name: Cow<'static, str>,
}

/// Where a dispatch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worker {
    /// The name of the thread, or `ThreadId(7)` if it has none.
    pub thread: Arc<str>,
    /// The task of the runtime tokio, if it was in one.
    pub task: Option<TaskId>,
}

/// The id of a task of tokio, as that shows it. It may be given to another task when this one is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskId(pub(super) Task);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    #[cfg(feature = "tokio")]
    Tokio(tokio::task::Id),
    #[cfg_attr(not(feature = "file-store"), expect(dead_code, reason = "made by what reads files"))]
    Read(u64),
}

/// Why a record has no payload.
///
/// ```
/// assert_eq!(linkbus::recording::Withheld::TooLarge.label(), "too_large");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Withheld {
    /// The recording was told to leave payloads out.
    LeftOut,
    /// The type is not `serde::Serialize`.
    NotSerialize,
    /// Its `Serialize` failed or panicked, or made what JSON has no form for, such as a map with keys that are structures.
    Failed,
    /// It was larger than the recording takes.
    TooLarge,
    /// It had more than 126 lists and objects inside each other, which `serde_json` would not read again.
    TooDeep,
    /// It has a secret field, or a part of it has, and its JSON is not an object of its fields: a `skip`, `flatten` or
    /// an enum hides which part is the secret.
    SecretNotFound,
    /// A layer outside the recording had taken the message.
    Gone,
}

/// The texts of a record, one behind the other, so that they are one allocation.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) all: String,
    pub(super) payload: Option<Range<usize>>,
    pub(super) result: Option<Range<usize>>,
    pub(super) error: Option<Range<usize>>,
}

impl Texts {
    fn at(&self, range: Option<&Range<usize>>) -> Option<&str> {
        Some(&self.all[range?.clone()])
    }
}

impl Record {
    /// The message as JSON, as it was when it was dispatched. [`withheld`](Self::withheld) says why there is none.
    pub fn payload(&self) -> Option<&str> {
        self.texts.at(self.texts.payload.as_ref())
    }

    /// What the handler of a query answered, as JSON; `None` for the other kinds, after a failure, and if the reply is not
    /// `serde::Serialize`, too large, nested too deep, or was to be left out.
    pub fn result(&self) -> Option<&str> {
        self.texts.at(self.texts.result.as_ref())
    }

    /// What the error says and what its causes say, outermost first, as in `the till is broken: no paper`; up to 4 KiB.
    ///
    /// `***REDACTED***` if the message has a secret field or something that is redacted: an error may quote it. Where the type of
    /// another message with secret fields is shown in it, they are replaced. The text of a panic is never recorded.
    pub fn error(&self) -> Option<&str> {
        self.texts.at(self.texts.error.as_ref())
    }

    /// Whether it succeeded.
    pub fn is_success(&self) -> bool {
        self.ended == Ended::Succeeded
    }
}

impl HandlerName {
    /// The module and the function; a function that stands alone is in no module.
    pub(super) fn split(shown: &str) -> (&str, &str) {
        shown.rsplit_once("::").unwrap_or(("", shown))
    }
}

impl Ended {
    /// One word: `succeeded`, `panicked`, `abandoned`, or that of [`Reason::label`]; `panic_caught` where a panic is a failure
    /// like any other, as that of a subscriber is, so that it is not taken for one that went on into the caller.
    pub const fn label(self) -> &'static str {
        match self {
            Ended::Succeeded => "succeeded",
            Ended::Failed(Reason::Panicked) => "panic_caught",
            Ended::Failed(reason) => reason.label(),
            Ended::Panicked => "panicked",
            Ended::Abandoned => "abandoned",
        }
    }

    /// The one with this label.
    pub fn from_label(label: &str) -> Option<Self> {
        let plain = [Ended::Succeeded, Ended::Panicked, Ended::Abandoned].into_iter();
        let failed = Reason::ALL.into_iter().map(Ended::Failed);
        plain.chain(failed).find(|ended| ended.label() == label)
    }
}

impl Withheld {
    const ALL: [Self; 7] = [
        Withheld::LeftOut,
        Withheld::NotSerialize,
        Withheld::Failed,
        Withheld::TooLarge,
        Withheld::TooDeep,
        Withheld::SecretNotFound,
        Withheld::Gone,
    ];

    /// One word: `left_out`, `not_serialize`, `failed`, `too_large`, `too_deep`, `secret_not_found` or `gone`.
    pub const fn label(self) -> &'static str {
        match self {
            Withheld::LeftOut => "left_out",
            Withheld::NotSerialize => "not_serialize",
            Withheld::Failed => "failed",
            Withheld::TooLarge => "too_large",
            Withheld::TooDeep => "too_deep",
            Withheld::SecretNotFound => "secret_not_found",
            Withheld::Gone => "gone",
        }
    }

    /// The one with this label.
    pub fn from_label(label: &str) -> Option<Self> {
        Withheld::ALL.into_iter().find(|withheld| withheld.label() == label)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl fmt::Display for HandlerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_empty() {
            write!(f, "{}::", self.module)?;
        }
        f.write_str(&self.name)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            #[cfg(feature = "tokio")]
            Task::Tokio(id) => id.fmt(f),
            Task::Read(id) => id.fmt(f),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("at", &self.at)
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("duration", &self.duration)
            .field("ended", &self.ended)
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_found_again() {
        for withheld in Withheld::ALL {
            assert_eq!(Withheld::from_label(withheld.label()), Some(withheld));
        }
        let failed = Reason::ALL.into_iter().map(Ended::Failed);
        for ended in failed.chain([Ended::Succeeded, Ended::Panicked, Ended::Abandoned]) {
            assert_eq!(Ended::from_label(ended.label()), Some(ended));
        }
        assert_eq!(Ended::from_label("lost"), None);
    }
}
