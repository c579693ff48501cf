//! The bytes of a message, which the hub carries and does not look into.

use std::sync::Arc;

/// An envelope and a body. The hub looks into neither.
///
/// ```
/// use bus_zmq::protocol::Content;
///
/// let content = Content::new(b"envelope", b"body");
/// assert_eq!((content.envelope(), content.body()), (&b"envelope"[..], &b"body"[..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The length of the envelope in four bytes, the envelope, the body.
    bytes: Arc<[u8]>,
}

/// The bytes of a length.
const LENGTH: usize = 4;

/// Most envelopes have no more bytes: room that does not have to grow.
const USUAL_ENVELOPE: usize = 256;

impl Content {
    /// Puts both together.
    ///
    /// # Panics
    /// If the envelope has 4 GiB or more.
    pub fn new(envelope: &[u8], body: &[u8]) -> Self {
        Content::written(|out| out.extend_from_slice(envelope), body)
    }

    /// Puts both together, of which `write_envelope` appends the first.
    ///
    /// # Panics
    /// If the envelope has 4 GiB or more.
    pub(crate) fn written(write_envelope: impl FnOnce(&mut Vec<u8>), body: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(LENGTH + USUAL_ENVELOPE + body.len());
        bytes.extend([0; LENGTH]);
        write_envelope(&mut bytes);
        let length = u32::try_from(bytes.len() - LENGTH).expect("an envelope has less than 4 GiB");
        bytes[..LENGTH].copy_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(body);
        Content { bytes: bytes.into() }
    }

    /// What was written as content; `None` if it is shorter than it says.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let length = envelope_length(bytes)?;
        (bytes.len() - LENGTH >= length).then(|| Content { bytes: bytes.into() })
    }

    /// The envelope.
    pub fn envelope(&self) -> &[u8] {
        self.parts().0
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        self.parts().1
    }

    /// Both, as on the wire.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes both have, with their lengths.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let length = envelope_length(&self.bytes).expect("looked at when it was read");
        self.bytes[LENGTH..].split_at(length)
    }
}

fn envelope_length(bytes: &[u8]) -> Option<usize> {
    let (length, _) = bytes.split_first_chunk::<LENGTH>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}
