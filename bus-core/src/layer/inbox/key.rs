//! What tells two copies of a message from two messages.

use std::{any::Any, borrow::Cow, error::Error, fmt, sync::Arc};

use crate::message::Message;

/// What two copies of one message have in common: whose they are and a text, which is the id of the dispatch or what
/// [`Inbox::key`](super::super::Inbox::key) gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InboxKey {
    scope: Cow<'static, str>,
    text: String,
}

impl InboxKey {
    /// How long a text may be, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// The key of a message with this wire name: for tests of a store.
    ///
    /// ```
    /// use linkbus::layer::inbox::InboxKey;
    ///
    /// let key = InboxKey::new("shop.Pay", "invoice 7")?;
    /// assert_eq!((key.scope(), key.text()), ("shop.Pay", "invoice 7"));
    /// assert!(InboxKey::new("shop.Pay", "7".repeat(1_000)).is_err());
    /// # Ok::<(), linkbus::layer::inbox::KeyTooLong>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyTooLong`] if `text` is longer than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(message: &'static str, text: impl Into<String>) -> Result<Self, KeyTooLong> {
        let text = text.into();
        if text.len() > Self::MAX_BYTES {
            return Err(KeyTooLong { message, bytes: text.len() });
        }
        Ok(InboxKey { scope: Cow::Borrowed(message), text })
    }

    /// The same for one subscriber of an event.
    pub(super) fn of_subscriber(self, scope: &str) -> Self {
        InboxKey { scope: Cow::Owned(scope.to_owned()), ..self }
    }

    /// The wire name of the message; for an event, that and a name of the subscriber.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// What tells it from others of its message.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A key is longer than a store has to take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyTooLong {
    /// The wire name of the message.
    pub message: &'static str,
    /// How long the text is, in bytes.
    pub bytes: usize,
}

impl fmt::Display for KeyTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (KeyTooLong { message, bytes }, max) = (self, InboxKey::MAX_BYTES);
        write!(
            f,
            "the inbox key of `{message}` has {bytes} bytes, and may have {max}: give a shorter one, such as a hash of it"
        )
    }
}

impl Error for KeyTooLong {}

type TextOf = dyn Fn(&dyn Any) -> Option<String> + Send + Sync;

/// What the program takes as the key of a message, whose type is forgotten.
#[derive(Clone)]
pub(super) struct KeyOf(Arc<TextOf>);

impl KeyOf {
    pub(super) fn new<M: Message, K: ToString>(key: impl Fn(&M) -> K + Send + Sync + 'static) -> Self {
        KeyOf(Arc::new(move |message| message.downcast_ref().map(|message| key(message).to_string())))
    }

    /// `None` if the message is of another type.
    pub(super) fn text(&self, message: &dyn Any) -> Option<String> {
        (self.0)(message)
    }
}
