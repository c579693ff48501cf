//! Dead letters: messages that are given up, with the reason.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream::Message};
use linkbus::transport::RemoteError;

use super::lane::Lane;
use crate::{
    dead_letters::{ATTEMPTS, CONSUMER, ERROR, REASON, SEQUENCE, STREAM},
    names::{self, percent_encoded},
    publish::{ForStream, NotKept},
};

/// The most bytes of what an error says.
const MAX_TEXT: usize = 1024;

/// How long the server has to take a letter.
const LIMIT: Duration = Duration::from_secs(10);

impl Lane {
    /// Has a message kept as a dead letter. Nothing is done to the message itself.
    pub(super) async fn bury(
        &self,
        message: &Message,
        error: &RemoteError,
        attempts: u32,
        sequence: u64,
    ) -> Result<(), NotKept> {
        let (stream, consumer) = (self.stream(), self.consumer());
        let mut headers = message.headers.clone().unwrap_or_default();
        self.describe(&mut headers, error, attempts, sequence);
        let letter = ForStream {
            subject: names::dead(&self.shared.config.prefix, self.message.kind, self.message.name),
            id: format!("{stream}/{consumer}/{sequence}"),
            headers,
            body: message.payload.to_vec(),
        };
        letter.keep(&self.shared.connection.jetstream, LIMIT).await
    }

    fn describe(&self, headers: &mut HeaderMap, error: &RemoteError, attempts: u32, sequence: u64) {
        let text = beginning(&error.text);
        headers.insert(REASON, error.reason.label());
        headers.insert(ERROR, percent_encoded(&text, |byte| matches!(byte, b' '..=b'~') && byte != b'%'));
        headers.insert(ATTEMPTS, attempts.to_string());
        headers.insert(CONSUMER, self.consumer());
        headers.insert(STREAM, self.stream());
        headers.insert(SEQUENCE, sequence.to_string());
    }
}

/// As much of a text as is kept.
fn beginning(text: &str) -> String {
    let fits = |(place, character): &(usize, char)| place + character.len_utf8() <= MAX_TEXT;
    text.char_indices().take_while(fits).map(|(_, character)| character).collect()
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT, beginning};

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = format!("a{}", "ä".repeat(MAX_TEXT));
        assert_eq!(beginning(&text).len(), MAX_TEXT - 1);
        assert_eq!(beginning("short"), "short");
    }
}
