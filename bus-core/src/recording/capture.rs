//! The recording of one message at work: what it keeps when a dispatch begins, and what it writes down when it ends.

use std::{
    error::Error,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::SystemTime,
};

use super::{
    Ended, HandlerName, Record, Withheld, Worker,
    between::Between,
    record::{TaskId, Texts},
};
use crate::{
    caught::caught,
    error::text,
    json::{self, Marks, REDACTED, Redaction, Unwritten},
    layer::{Dispatch, Failed, Observer, Outcome},
    message::{Kind, MessageFacts},
};

/// So much is allocated for texts at the most before it is known how long they are.
const MOST_EXPECTED: usize = 4096;

/// What is recorded of a message, decided when the bus is built.
#[expect(clippy::struct_excessive_bools, reason = "each is an option, or a fact about the message")]
pub(super) struct Rules {
    pub(super) only_errors: bool,
    pub(super) every_attempt: bool,
    pub(super) payload: Part,
    pub(super) result: Part,
    pub(super) has_errors: bool,
    /// Whether the message has a field that is marked as secret.
    pub(super) has_secrets: bool,
    /// What is redacted, in error texts too.
    pub(super) names: Arc<[String]>,
    /// How many bytes a payload or a result may have.
    pub(super) limit: usize,
    pub(super) when: When,
}

/// A payload or a result: how it is written, or why it is not.
pub(super) type Part = Result<Redaction, Withheld>;

/// When the payload is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// When the dispatch begins: the handler may take the message.
    AtStart,
    /// When it has ended and there is something to record: the message is lent to the handler.
    AtEnd,
}

/// The layer at one message.
pub(super) struct Watch {
    pub(super) rules: Rules,
    pub(super) class: &'static str,
    pub(super) handler: Option<HandlerName>,
    pub(super) shared: Arc<super::Shared>,
    /// How many bytes the texts of the last records had, so that they are allocated once.
    pub(super) expected: AtomicUsize,
}

/// What is known when a dispatch begins.
struct Begun {
    at: SystemTime,
    is_nested: bool,
    texts: Vec<u8>,
    payload: Result<Range<usize>, Withheld>,
    is_redacted: bool,
}

impl Begun {
    fn new(at: SystemTime, is_nested: bool) -> Self {
        Begun { at, is_nested, texts: Vec::new(), payload: Err(Withheld::Gone), is_redacted: false }
    }
}

impl Observer for Watch {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        if let Some(between) = dispatch.take_left::<Between>(self) {
            between.forget();
        }
        let at = SystemTime::now();
        // What the handler sends is then caused by this dispatch.
        dispatch.identify(at);
        let mut begun = Begun::new(at, dispatch.is_nested());
        if self.rules.when == When::AtStart {
            self.write_payload(dispatch, &mut begun);
        }
        dispatch.put_note(self, begun);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        let begun = dispatch.take_note::<Begun>(self);
        if self.rules.only_errors && matches!(dispatch.outcome(), Outcome::Succeeded) {
            return;
        }
        let mut begun = begun.unwrap_or_else(|| Begun::new(SystemTime::now(), dispatch.is_nested()));
        if self.rules.when == When::AtEnd {
            self.write_payload(dispatch, &mut begun);
        }
        let record = self.record(dispatch, begun);
        if self.rules.every_attempt || dispatch.is_last_attempt() {
            self.shared.append(record, dispatch.message());
        } else {
            dispatch.leave(self, Between::new(&self.shared, dispatch.message(), record));
        }
    }

    fn reads_clock(&self) -> bool {
        true
    }
}

impl Watch {
    fn write_payload(&self, dispatch: &Dispatch<'_>, begun: &mut Begun) {
        begun.payload = match &self.rules.payload {
            Err(why) => Err(*why),
            Ok(redaction) => match dispatch.payload.serialize() {
                None => Err(Withheld::Gone),
                Some(message) => {
                    begun.texts.reserve(self.expected.load(Ordering::Relaxed));
                    self.write(message, redaction, begun)
                }
            },
        };
    }

    /// The place in the texts where `value` was written.
    fn write(
        &self,
        value: &dyn erased_serde::Serialize,
        redaction: &Redaction,
        begun: &mut Begun,
    ) -> Result<Range<usize>, Withheld> {
        let start = begun.texts.len();
        match caught(|| json::write(value, redaction, self.rules.limit, &mut begun.texts)) {
            Some(Ok(written)) => {
                begun.is_redacted |= written.is_redacted;
                Ok(start..begun.texts.len())
            }
            Some(Err(Unwritten::SecretNotFound)) => Err(Withheld::SecretNotFound),
            Some(Err(Unwritten::TooDeep)) => Err(Withheld::TooDeep),
            Some(Err(Unwritten::TooLarge { .. })) => Err(Withheld::TooLarge),
            Some(Err(Unwritten::NotSerialized)) | None => Err(Withheld::Failed),
        }
    }

    fn record(&self, dispatch: &mut Dispatch<'_>, mut begun: Begun) -> Record {
        let context = dispatch.context();
        let MessageFacts { kind, name, .. } = *context.message();
        let ended = ended(&dispatch.outcome());
        let result = self.write_result(dispatch, &mut begun);
        let error = dispatch.outcome().failed().and_then(|failed| self.write_error(failed, &mut begun));
        self.learn(begun.texts.len());
        let withheld = begun.payload.as_ref().err().copied();
        let payload = begun.payload.ok();
        let mut all = String::from_utf8(begun.texts).expect("JSON and the texts of errors are UTF-8");
        if all.capacity() > 2 * MOST_EXPECTED && all.capacity() > 2 * all.len() {
            all.shrink_to_fit();
        }
        Record {
            at: begun.at,
            kind,
            message: name.into(),
            class: self.class.into(),
            duration: dispatch.elapsed().unwrap_or_default(),
            ended,
            id: context.id(),
            correlation_id: context.correlation_id(),
            causation_id: context.causation_id(),
            handler: self.handler.clone(),
            attempt: context.attempt(),
            is_nested: begun.is_nested,
            worker: Worker::current(),
            withheld,
            is_redacted: begun.is_redacted,
            texts: Texts { all, payload, result, error },
        }
    }

    fn write_result(&self, dispatch: &Dispatch<'_>, begun: &mut Begun) -> Option<Range<usize>> {
        let redaction = self.rules.result.as_ref().ok()?;
        if dispatch.message().kind != Kind::Query {
            return None;
        }
        let reply = dispatch.payload.serialize_reply()?;
        self.write(reply, redaction, begun).ok()
    }

    /// An error may quote what was redacted, so nothing of it is kept then.
    #[cold]
    fn write_error(&self, failed: Failed<'_>, begun: &mut Begun) -> Option<Range<usize>> {
        if !self.rules.has_errors {
            return None;
        }
        let start = begun.texts.len();
        let is_secret = self.rules.has_secrets || begun.is_redacted || self.may_miss_secrets(begun);
        let text = if is_secret {
            REDACTED.to_owned()
        } else {
            let text = caught(|| text_of(failed.error()))?;
            Marks::of_program().scrub(&json::scrub(&text, &self.rules.names)).into_owned()
        };
        begun.texts.extend_from_slice(text.as_bytes());
        Some(start..begun.texts.len())
    }

    /// Whether something may be left out of the payload, and it is not known whether it was there: nothing was written.
    fn may_miss_secrets(&self, begun: &Begun) -> bool {
        let was_to_be_written = self.rules.payload.is_ok() && !Marks::of_program().is_empty();
        begun.payload.is_err() && (was_to_be_written || !self.rules.names.is_empty())
    }

    /// Remembers how much the texts take: at once if it is more than before, and slowly if it is less.
    fn learn(&self, bytes: usize) {
        let expected = self.expected.load(Ordering::Relaxed);
        let bytes = bytes.min(MOST_EXPECTED);
        let next = if bytes > expected { bytes } else { expected - (expected - bytes) / 64 };
        if next != expected {
            self.expected.store(next, Ordering::Relaxed);
        }
    }
}

pub(super) fn ended(outcome: &Outcome<'_>) -> Ended {
    match outcome {
        Outcome::Succeeded => Ended::Succeeded,
        Outcome::Failed(failed) => Ended::Failed(failed.reason()),
        Outcome::Panicked => Ended::Panicked,
        Outcome::Pending | Outcome::Abandoned => Ended::Abandoned,
    }
}

/// What the error and its causes say, as far as it is kept.
pub(super) fn text_of(error: &(dyn Error + 'static)) -> String {
    text::short(text::with_causes(error))
}

thread_local! {
    /// Made once for each thread, because a record has it without allocating.
    static THREAD: Arc<str> = {
        let thread = thread::current();
        thread.name().map_or_else(|| format!("{:?}", thread.id()).into(), Arc::from)
    };
}

impl Worker {
    fn current() -> Self {
        let thread = THREAD.try_with(Arc::clone).unwrap_or_else(|_| Arc::from("a thread that is ending"));
        Worker { thread, task: TaskId::current() }
    }
}

impl TaskId {
    #[cfg(feature = "tokio")]
    fn current() -> Option<Self> {
        tokio::task::try_id().map(|id| TaskId(super::record::Task::Tokio(id)))
    }

    #[cfg(not(feature = "tokio"))]
    fn current() -> Option<Self> {
        None
    }
}
