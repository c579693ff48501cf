//! One dispatch, as it is noted.

#[cfg(feature = "transport")]
use std::time::SystemTime;
use std::{fmt, sync::Arc};

use uuid::Uuid;

use super::AnyMessage;
use crate::{
    handler::HandlerFacts,
    message::{Location, MessageFacts},
};

/// How a message of unknown type is shown.
pub(crate) type Show = fn(&(dyn std::any::Any + Send + Sync)) -> Option<String>;

/// One dispatch.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) facts: &'static MessageFacts,
    pub(crate) message: Kept,
    /// That of the dispatch: what it causes names it.
    pub(crate) id: Uuid,
    #[cfg(feature = "transport")]
    pub(crate) due: Option<SystemTime>,
    /// The handler or the subscribers that it goes to; empty if it goes to a stub.
    pub(crate) handlers: Arc<[HandlerFacts]>,
    pub(crate) origin: Option<Location>,
    /// The handler that asked for it, if it was asked for in one.
    pub(crate) sender: Option<HandlerFacts>,
    /// `None` while it is under way.
    pub(crate) outcome: Option<String>,
    /// Whether an assertion was about it.
    pub(crate) is_seen: bool,
}

/// What is kept of a message.
pub(crate) enum Kept {
    Message(AnyMessage, Show),
    /// Its handler has it: this is what it looked like.
    Gone(Option<String>),
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Kept::Message(..)) { "Message" } else { "Gone" })
    }
}

impl Note {
    /// Why there is no message.
    fn why_gone(&self) -> String {
        format!(
            "`{}` was handed over to its handler by value and could not be kept: derive `Clone` for it, or have the handler take `&{}`",
            self.facts.name,
            self.facts.short_name(),
        )
    }

    /// The message, or why it is gone.
    pub(super) fn message(&self) -> Result<AnyMessage, String> {
        match &self.message {
            Kept::Message(message, _) => Ok(Arc::clone(message)),
            Kept::Gone(_) => Err(self.why_gone()),
        }
    }

    /// The one that it goes to; of several subscribers the one in this place.
    pub(super) fn handler(&self, place: Option<usize>) -> Option<HandlerFacts> {
        match &*self.handlers {
            [handler] => Some(*handler),
            subscribers => subscribers.get(place?).copied(),
        }
    }

    pub(super) fn noted(&self) -> Noted {
        let text = match &self.message {
            Kept::Message(message, show) => show(&**message),
            Kept::Gone(text) => text.clone(),
        };
        Noted {
            facts: self.facts,
            text,
            origin: self.origin,
            sender: self.sender,
            is_handled: !self.handlers.is_empty(),
            outcome: self.outcome.clone(),
            #[cfg(feature = "transport")]
            due: self.due,
        }
    }
}

/// One dispatch: what, where from, and what became of it. `Display` is the line that failed assertions show.
///
/// The example of [`Journal::all`](super::Journal::all) uses it.
#[derive(Clone, Debug)]
pub struct Noted {
    facts: &'static MessageFacts,
    text: Option<String>,
    origin: Option<Location>,
    sender: Option<HandlerFacts>,
    is_handled: bool,
    outcome: Option<String>,
    #[cfg(feature = "transport")]
    due: Option<SystemTime>,
}

impl Noted {
    /// What is known about the message.
    pub fn message(&self) -> &'static MessageFacts {
        self.facts
    }

    /// The message as its `Debug` shows it; `None` if it has none, or has secret fields. Those of a message that is a part of it
    /// are replaced, if its `Debug` is derived.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Where `send`, `execute`, `publish` or `dispatch` was called; `None` for a message that was replayed.
    pub fn origin(&self) -> Option<Location> {
        self.origin
    }

    /// The handler that it was dispatched from, if it was one on the same bus.
    pub fn sender(&self) -> Option<&HandlerFacts> {
        self.sender.as_ref()
    }

    /// Whether a handler or a subscriber was there for it; if not, it was answered by the fake.
    pub fn is_handled(&self) -> bool {
        self.is_handled
    }

    /// What became of it: `succeeded`, `failed: ..` and the like; `None` while it is under way. What an error says is not in it
    /// if the message has secret fields.
    pub fn outcome(&self) -> Option<&str> {
        self.outcome.as_deref()
    }

    /// When it was to be handled, if it was for [later](crate::Bus::dispatch_at).
    #[cfg(feature = "transport")]
    pub fn due(&self) -> Option<SystemTime> {
        self.due
    }
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.facts.kind.verb(), self.facts.name)?;
        if let Some(text) = &self.text {
            write!(f, ": {text}")?;
        }
        write!(f, " -> {}", self.outcome().unwrap_or("under way"))?;
        #[cfg(feature = "transport")]
        if self.due.is_some() {
            f.write_str(", for later")?;
        }
        if let Some(origin) = self.origin {
            write!(f, ", at {origin}")?;
        }
        match &self.sender {
            Some(sender) => write!(f, ", by `{}`", sender.name),
            None => Ok(()),
        }
    }
}
