//! The message of a letter in the format in which a transport carried it.

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

use super::{Body, DeadLetter, ErrorReport};
use crate::transport::{self, Codec, Envelope, RemoteError};

/// A message in the format in which a [transport](crate::transport) carried it, and what reads it.
///
/// `Debug` shows no more than its format and size.
#[derive(Clone)]
pub struct Encoded {
    codec: Arc<dyn Codec>,
    bytes: Arc<[u8]>,
}

impl Encoded {
    /// The bytes that `codec` wrote.
    pub fn new(codec: Arc<dyn Codec>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Encoded { codec, bytes: bytes.into() }
    }

    /// What `read` makes of it, or what is wrong with it.
    pub(super) fn read<T>(
        &self,
        read: impl Fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>,
    ) -> Result<T, String> {
        transport::read_body(&*self.codec, &self.bytes, read).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({}, {} bytes)", self.codec.content_type(), self.bytes.len())
    }
}

impl DeadLetter {
    /// The letter of a message that a transport gave up, for a store of such letters. What the envelope does not say, the store
    /// sets: `id` and `at` are those of now, `replays` is 0, and nobody in particular failed at it.
    ///
    /// ```
    /// use linkbus::{Command, layer::{Reason, dead_letter::{Body, DeadLetter, Encoded}}};
    /// use linkbus::transport::{Envelope, Json, RemoteError};
    /// use std::sync::Arc;
    ///
    /// #[derive(Command, serde::Serialize, serde::Deserialize)]
    /// struct Pay { cents: u64 }
    ///
    /// let mut envelope = Envelope::of::<Pay>();
    /// envelope.attempt = 5;
    /// let body = Body::Encoded(Encoded::new(Arc::new(Json), *br#"{"cents":500}"#));
    /// let error = RemoteError::new(Reason::Handler, "the till is broken");
    /// let letter = DeadLetter::carried(&envelope, body, &error);
    /// assert_eq!((letter.attempts, letter.read::<Pay>()?.cents), (5, 500));
    /// # Ok::<(), linkbus::layer::dead_letter::ReadError>(())
    /// ```
    pub fn carried(envelope: &Envelope, body: Body, error: &RemoteError) -> Self {
        let type_name = Some(error.type_name.clone()).filter(|name| !name.is_empty());
        let error = ErrorReport {
            text: Some(error.text.clone()),
            causes: error.causes.clone(),
            type_name: type_name.map(Cow::Owned),
            ..ErrorReport::without_text(error.reason, error.is_retryable)
        };
        DeadLetter {
            id: crate::id::new(),
            message: envelope.name.clone(),
            kind: envelope.kind,
            body,
            error,
            handler: None,
            attempts: envelope.attempt,
            replays: 0,
            at: SystemTime::now(),
            dispatch_id: envelope.id,
            correlation_id: envelope.correlation,
            causation_id: envelope.causation,
        }
    }
}
