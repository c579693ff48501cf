//! Errors that come from another process.

use std::{error::Error, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Answer, Codec, Undelivered, codec};
use crate::{
    error::{AnyError, Failure, HandlerError},
    layer::{Dispatched, Failed, LayerFailure, Reason},
    message::{Kind, Message},
};

/// How many causes of an error travel with it.
const MAX_CAUSES: usize = 8;

/// A failure in the process that a message was carried to.
///
/// Where the handler's own error implements serde, the caller gets that one instead, as itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemoteError {
    /// In which way the dispatch failed there.
    #[serde(with = "label")]
    pub reason: Reason,
    /// The type of the error there, with its path.
    pub type_name: String,
    /// What it says.
    pub text: String,
    /// What caused it, each what it says; the nearest first, eight at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Whether the same message may succeed when it is sent again, as far as is known there.
    pub is_retryable: bool,
    /// How long the handler was given, if that was too short, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The handler's own error in the format of the message, if it implements serde.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "serde_bytes")]
    pub body: Option<Vec<u8>>,
}

/// A reason by its label; one that is not known is a failure of the transport.
mod label {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::layer::Reason;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(reason.label())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(format: D) -> Result<Reason, D::Error> {
        let label = Cow::<'de, str>::deserialize(format)?;
        Ok(Reason::from_label(&label).unwrap_or(Reason::Transport))
    }
}

impl RemoteError {
    /// That a message was not handled, for a reason that is not an error of a handler.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        RemoteError {
            reason,
            type_name: String::new(),
            text: text.into(),
            causes: Vec::new(),
            is_retryable: false,
            after: None,
            body: None,
        }
    }

    /// The error as bytes: a MessagePack map with these names, without what is empty.
    ///
    /// # Panics
    /// Never: every error can be written.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::write_own(self)
    }

    /// Reads one. What it takes in memory is bounded by the length of `bytes`; names that are not known are passed over.
    ///
    /// ```
    /// # use linkbus::{layer::Reason, transport::RemoteError};
    /// let error = RemoteError::new(Reason::Overloaded, "too many orders");
    /// assert_eq!(RemoteError::from_bytes(&error.to_bytes()).unwrap(), error);
    /// ```
    ///
    /// # Errors
    /// What is wrong with bytes that are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AnyError> {
        Ok(codec::read_own(bytes)?)
    }

    /// What became of a dispatch that failed; `body` is the handler's own error.
    pub(super) fn of(failed: Failed<'_>, type_name: &str, body: Option<Vec<u8>>) -> Self {
        let mut causes = Vec::new();
        let mut error = failed.error();
        while let Some(cause) = error.source().filter(|_| causes.len() < MAX_CAUSES) {
            causes.push(cause.to_string());
            error = cause;
        }
        let after = failed.limit().map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        let is_retryable = failed.is_retryable();
        let type_name = failed.handler_error().map(|_| type_name.to_owned()).unwrap_or_default();
        let text = failed.error().to_string();
        RemoteError { type_name, causes, is_retryable, after, body, ..RemoteError::new(failed.reason(), text) }
    }

    fn after(&self) -> Duration {
        Duration::from_millis(self.after.unwrap_or_default())
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for RemoteError {}

/// What a transport gave back for a message.
pub(crate) struct Received<'a> {
    pub(super) answer: Result<Answer, Undelivered>,
    /// That of the message.
    pub(super) codec: &'a dyn Codec,
}

impl Received<'_> {
    /// What the dispatch of the message comes to.
    pub(crate) fn outcome<M: Message>(self) -> Dispatched<M> {
        let fail = |failure| Err(M::Failure::by_layer(failure, M::FACTS));
        match self.answer {
            Ok(Answer::Done(body)) => reply::<M>(self.codec, &body).or_else(|error| {
                let problem = format!("the reply cannot be read as `{}`: {error}", M::FACTS.reply_name());
                fail(LayerFailure::Transport(problem.into()))
            }),
            Ok(Answer::Failed(error)) => match own_error::<M>(self.codec, *error) {
                Ok(error) => Err(M::Failure::handler(error).into_dispatch()),
                Err(error) => fail(of_remote(error)),
            },
            Err(undelivered) => fail(of_undelivered(undelivered)),
        }
    }
}

fn reply<M: Message>(codec: &dyn Codec, body: &[u8]) -> Result<M::Reply, AnyError> {
    match M::DESERIALIZE_REPLY {
        Some(read) => codec::read(codec, body, read),
        None => Ok(crate::message::nothing::<M>()),
    }
}

/// The handler's own error, if that is what it is and it can be had here.
fn own_error<M: Message>(codec: &dyn Codec, error: RemoteError) -> Result<M::Error, RemoteError> {
    if error.reason != Reason::Handler || M::FACTS.kind == Kind::Event {
        return Err(error);
    }
    let read = |body: &Vec<u8>| codec::read(codec, body, M::DESERIALIZE_ERROR?).ok();
    match error.body.as_ref().and_then(read) {
        Some(error) => Ok(error),
        None => M::Error::from_remote(error),
    }
}

fn of_remote(error: RemoteError) -> LayerFailure {
    match error.reason {
        Reason::NoHandler => LayerFailure::NoHandler,
        Reason::TimedOut => LayerFailure::TimedOut(error.after()),
        Reason::NotStarted => LayerFailure::NotStarted(error.after()),
        Reason::Overloaded => LayerFailure::Overloaded,
        Reason::ShutDown => LayerFailure::ShutDown,
        Reason::Panicked => LayerFailure::Panicked(error.text),
        Reason::Refused => LayerFailure::Refused(error.into()),
        Reason::Handler => LayerFailure::Remote(Box::new(error)),
        Reason::RecursionLimit | Reason::Transport => LayerFailure::Transport(error.into()),
    }
}

fn of_undelivered(undelivered: Undelivered) -> LayerFailure {
    match undelivered {
        Undelivered::NoHandler => LayerFailure::NoHandler,
        Undelivered::TimedOut(after) => LayerFailure::TimedOut(after),
        Undelivered::Overloaded => LayerFailure::Overloaded,
        Undelivered::Closed => LayerFailure::ShutDown,
        Undelivered::TooLarge { .. } => LayerFailure::Refused(undelivered.into()),
        Undelivered::CannotWait(error) => LayerFailure::Refused(error),
        Undelivered::Failed(error) => LayerFailure::Transport(error),
    }
}
