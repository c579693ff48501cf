//! One dead letter: how it is written when a message is lost, and how its message is read again.

use std::{any::Any, borrow::Cow, error::Error, fmt, sync::Arc, time::SystemTime};

use uuid::Uuid;

#[cfg(feature = "transport")]
use super::Encoded;
use super::{
    super::{Again, Dispatch, Failed, Outcome, Reason},
    Keeps, body,
};
use crate::{
    error::{AnyError, SubscriberError, SubscriberFailure, text},
    handler::HandlerFacts,
    json::{self, Marks, Redaction},
    message::{Kind, Message, MessageFacts},
};

/// A message that was lost, and why.
///
/// The error that the handler failed with is not in it: that goes on to the caller, who owns it and may take it apart, and
/// most errors can be neither copied nor written to a file. Kept is what can be: an [`ErrorReport`] of what it said. That is
/// the same with every store, a [`MemoryStore`](super::MemoryStore) too, which keeps the message itself and no more of the
/// error.
///
/// `Debug` shows neither the message nor what its error says.
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its own id, a UUID version 7.
    pub id: Uuid,
    /// The wire name of the message.
    pub message: Cow<'static, str>,
    /// Command, event or task.
    pub kind: Kind,
    /// The message itself, in the form that the store keeps.
    pub body: Body,
    /// Why it was lost.
    pub error: ErrorReport,
    /// Who failed at it: the handler, or the subscriber. `None` if the message has no handler, and for an event that did
    /// not reach its subscribers.
    pub handler: Option<LetterHandler>,
    /// How many times it was tried before it was lost, the first included.
    pub attempts: u32,
    /// How many times it was replayed and failed again.
    pub replays: u32,
    /// When it was lost.
    pub at: SystemTime,
    /// The id of the dispatch that failed: [`Context::id`](crate::Context::id).
    pub dispatch_id: Uuid,
    /// What the dispatch belongs to: [`Context::correlation_id`](crate::Context::correlation_id).
    pub correlation_id: Uuid,
    /// Which dispatch caused it: [`Context::causation_id`](crate::Context::causation_id).
    pub causation_id: Option<Uuid>,
}

/// Who failed at a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LetterHandler {
    /// The function, as [`HandlerFacts::name`].
    pub name: Cow<'static, str>,
    /// Its module; empty for a closure.
    pub module: Cow<'static, str>,
    /// The source file.
    pub file: Cow<'static, str>,
    /// The line in it.
    pub line: u32,
    /// Its place among the subscribers of the event, from 0; 0 for the other kinds.
    pub place: usize,
}

/// Why a message was lost.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorReport {
    /// In which way it failed. A handler that panicked is [`Reason::Panicked`].
    pub reason: Reason,
    /// What the error says, up to 4 KiB; `None` if the layer was told to leave it out, or the store writes JSON and the
    /// message, or a part of it, has a secret field. The text of a panic is never kept.
    pub text: Option<String>,
    /// What its causes say, outermost first, up to 16; empty where `text` is `None`.
    pub causes: Vec<String>,
    /// The type of the handler's error, where the message names one.
    pub type_name: Option<Cow<'static, str>>,
    /// What the error said of itself, as [`Failed::is_retryable`].
    pub is_retryable: bool,
}

/// The message of a dead letter.
#[derive(Clone)]
#[non_exhaustive]
pub enum Body {
    /// The message itself.
    Message(SharedMessage),
    /// The message as JSON.
    Json(Arc<str>),
    /// The message as JSON, without its secrets: it cannot be replayed.
    Redacted(Arc<str>),
    /// The message as a transport carried it: its letter is one of [`DeadLetter::carried`].
    #[cfg(feature = "transport")]
    Encoded(Encoded),
    /// Nothing: it cannot be replayed.
    Withheld(Withheld),
}

/// Why a dead letter has no message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Withheld {
    /// It has a secret field, or a part of it has, and its JSON is not an object of its fields: a `skip`, `flatten` or
    /// an enum hides which part is the secret.
    SecretNotFound,
    /// The message could not be written as JSON; what `serde` says is not kept.
    NotSerialized,
    /// It had more than 126 lists and objects inside each other, which `serde_json` would not read again.
    TooDeep,
    /// It was larger than the store takes.
    TooLarge {
        /// How large, in bytes.
        bytes: usize,
        /// The limit of the store, in bytes.
        limit: usize,
    },
    /// A layer inside took it.
    Gone,
    /// It was not in the form that the store keeps.
    OtherForm,
}

/// A message whose type is forgotten, shared with whoever else has it.
#[derive(Clone)]
pub struct SharedMessage {
    pub(super) message: Arc<dyn Any + Send + Sync>,
    pub(super) again: Again,
}

/// Why the message of a dead letter cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// It is another message.
    OtherMessage {
        /// Whose letter it is.
        letter: String,
        /// What was asked for.
        asked: &'static str,
    },
    /// The type is not `serde::de::DeserializeOwned`.
    NotDeserialize {
        /// The wire name of the message.
        message: &'static str,
    },
    /// What is stored does not fit the type, as it is now.
    Unreadable {
        /// The wire name of the message.
        message: &'static str,
        /// What `serde` says.
        problem: String,
    },
    /// Its secrets were not written.
    Redacted,
    /// It was not kept.
    Withheld(Withheld),
}

impl DeadLetter {
    /// The message, if it is an `M` and was kept.
    pub fn read<M: Message>(&self) -> Result<Arc<M>, ReadError> {
        if self.message != M::FACTS.name {
            return Err(ReadError::OtherMessage { letter: self.message.clone().into(), asked: M::FACTS.name });
        }
        match &self.body {
            Body::Message(shared) => Arc::clone(&shared.message)
                .downcast()
                .map_err(|_| ReadError::OtherMessage { letter: self.message.clone().into(), asked: M::FACTS.name }),
            Body::Json(json) => {
                let read = M::DESERIALIZE.ok_or(ReadError::NotDeserialize { message: M::FACTS.name })?;
                let problem = |problem: String| ReadError::Unreadable { message: M::FACTS.name, problem };
                json::read(json, |format| read(format)).map(Arc::new).map_err(problem)
            }
            #[cfg(feature = "transport")]
            Body::Encoded(encoded) => {
                let read = M::DESERIALIZE.ok_or(ReadError::NotDeserialize { message: M::FACTS.name })?;
                let problem = |problem| ReadError::Unreadable { message: M::FACTS.name, problem };
                encoded.read(read).map(Arc::new).map_err(problem)
            }
            Body::Redacted(_) => Err(ReadError::Redacted),
            Body::Withheld(why) => Err(ReadError::Withheld(why.clone())),
        }
    }
}

/// The letters of a dispatch that failed: one, or one for each subscriber that failed.
pub(super) fn write(
    dispatch: &mut Dispatch<'_>,
    keeps: Keeps,
    redaction: &Redaction,
    with_texts: bool,
) -> Vec<DeadLetter> {
    let context = dispatch.context();
    let body = body::of(dispatch, keeps, redaction);
    let with_texts = with_texts && !body.may_miss_secrets();
    let letter = |error, handler| DeadLetter {
        id: crate::id::new(),
        message: Cow::Borrowed(context.message().name),
        kind: context.message().kind,
        body: body.clone(),
        error,
        handler,
        attempts: context.attempt(),
        replays: 0,
        at: SystemTime::now(),
        dispatch_id: context.id(),
        correlation_id: context.correlation_id(),
        causation_id: context.causation_id(),
    };
    let is_event = context.message().kind == Kind::Event;
    let handler = if is_event { None } else { dispatch.handlers().first().map(|facts| LetterHandler::of(facts, 0)) };
    match dispatch.outcome() {
        Outcome::Failed(failed) if !failed.subscribers().is_empty() => {
            let subscribers = failed.subscribers().iter();
            let report = |one: &SubscriberError| {
                letter(ErrorReport::of_subscriber(one, with_texts), Some(LetterHandler::of(&one.subscriber, one.place)))
            };
            subscribers.map(report).collect()
        }
        Outcome::Failed(failed) => vec![letter(ErrorReport::of(failed, context.message(), with_texts), handler)],
        _ => vec![letter(ErrorReport::without_text(Reason::Panicked, false), handler)],
    }
}

impl Body {
    /// Whether something was left out of it, or may have been if it had been written: an error may quote it.
    fn may_miss_secrets(&self) -> bool {
        match self {
            Body::Redacted(_) => true,
            Body::Withheld(_) => !Marks::of_program().is_empty(),
            Body::Message(_) | Body::Json(_) => false,
            #[cfg(feature = "transport")]
            Body::Encoded(_) => false,
        }
    }
}

impl LetterHandler {
    fn of(facts: &HandlerFacts, place: usize) -> Self {
        let HandlerFacts { name, location, .. } = *facts;
        let [name, module, file] = [name, location.module, location.file].map(Cow::Borrowed);
        LetterHandler { name, module, file, line: location.line, place }
    }
}

impl ErrorReport {
    pub(super) fn without_text(reason: Reason, is_retryable: bool) -> Self {
        ErrorReport { reason, text: None, causes: Vec::new(), type_name: None, is_retryable }
    }

    fn with_text(self, error: &(dyn Error + 'static)) -> Self {
        let causes = text::causes(error).map(said).collect();
        ErrorReport { text: Some(said(error)), causes, ..self }
    }

    /// Of what failed as a whole.
    fn of(failed: Failed<'_>, message: &'static MessageFacts, with_texts: bool) -> Self {
        let type_name = failed.handler_error().map(|_| message.error_name());
        let known = type_name.filter(|name| *name != std::any::type_name::<AnyError>());
        let report = ErrorReport {
            type_name: known.map(Cow::Borrowed),
            ..ErrorReport::without_text(failed.reason(), failed.is_retryable())
        };
        if with_texts { report.with_text(failed.error()) } else { report }
    }

    /// Of what failed, or of the one subscriber that did.
    pub(super) fn of_dispatch(failed: Failed<'_>, message: &'static MessageFacts, with_texts: bool) -> Self {
        match failed.subscribers() {
            [one] => ErrorReport::of_subscriber(one, with_texts),
            _ => ErrorReport::of(failed, message, with_texts),
        }
    }

    fn of_subscriber(error: &SubscriberError, with_texts: bool) -> Self {
        let reason = match &error.failure {
            SubscriberFailure::Handler(_) => Reason::Handler,
            SubscriberFailure::Panicked(_) => Reason::Panicked,
            SubscriberFailure::TimedOut { .. } => Reason::TimedOut,
            SubscriberFailure::RecursionLimit(_) => Reason::RecursionLimit,
        };
        let report = ErrorReport::without_text(reason, reason == Reason::TimedOut);
        match &error.failure {
            _ if !with_texts => report,
            SubscriberFailure::Handler(own) => report.with_text(own.as_error()),
            _ => report.with_text(error),
        }
    }
}

/// What an error says, without what it shows of secrets, as far as it is kept.
fn said(error: &(dyn Error + 'static)) -> String {
    text::short(Marks::of_program().scrub(&error.to_string()).into_owned())
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("message", &self.message)
            .field("reason", &self.error.reason)
            .field("handler", &self.handler.as_ref().map(|handler| &handler.name))
            .field("attempts", &self.attempts)
            .field("replays", &self.replays)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorReport").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Message(_) => f.write_str("Message(..)"),
            Body::Json(json) => write!(f, "Json({} bytes)", json.len()),
            #[cfg(feature = "transport")]
            Body::Encoded(encoded) => encoded.fmt(f),
            Body::Redacted(json) => write!(f, "Redacted({} bytes)", json.len()),
            Body::Withheld(why) => f.debug_tuple("Withheld").field(why).finish(),
        }
    }
}

impl fmt::Debug for SharedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedMessage")
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Withheld::SecretNotFound => f.write_str(
                "the message has a secret field that was not found in its JSON under its name, so none of it was kept",
            ),
            Withheld::NotSerialized => f.write_str("the message could not be written as JSON"),
            Withheld::TooDeep => f.write_str(
                "the message has more than 126 lists and objects inside each other, so it could not be read again",
            ),
            Withheld::TooLarge { bytes, limit } => {
                write!(f, "the message has {bytes} bytes, and the store takes no more than {limit}")
            }
            Withheld::Gone => f.write_str("a layer inside the dead letters took the message"),
            Withheld::OtherForm => f.write_str("the message was not in the form that the store keeps"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::OtherMessage { letter, asked } => write!(f, "the letter is one of `{letter}`, not of `{asked}`"),
            ReadError::NotDeserialize { message } => {
                write!(f, "`{message}` cannot be read: derive `serde::Deserialize` for it")
            }
            ReadError::Unreadable { message, problem } => {
                write!(f, "what is stored is not a `{message}` as it is now: {problem}")
            }
            ReadError::Redacted => {
                f.write_str("the message was stored without its secrets, so it is not the same any more")
            }
            ReadError::Withheld(why) => why.fmt(f),
        }
    }
}

impl Error for ReadError {}
