//! An object of JSON, written key by key into a line of text.

#[cfg(feature = "file-store")]
use std::{fmt, io::Write as _};

use uuid::Uuid;

/// Quicker than a map that is written as a whole: letters and records are written while a caller waits, and are many.
pub(crate) struct Object<'a>(&'a mut Vec<u8>);

impl<'a> Object<'a> {
    /// Behind what is in `line`.
    pub(crate) fn begin(line: &'a mut Vec<u8>) -> Self {
        line.push(b'{');
        Object(line)
    }

    pub(crate) fn end(self) {
        self.0.push(b'}');
    }

    fn key(&mut self, key: &str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A value that is JSON already.
    #[cfg(feature = "file-store")]
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.0.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn value(&mut self, key: &str, value: &(impl serde::Serialize + ?Sized)) {
        self.key(key);
        serde_json::to_writer(&mut *self.0, value).expect("text and numbers can be written into memory");
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.value(key, text);
    }

    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.value(key, &number);
    }

    pub(crate) fn uuid(&mut self, key: &str, id: Uuid) {
        let mut text = Uuid::encode_buffer();
        self.plain(key, id.hyphenated().encode_lower(&mut text));
    }

    /// What is shown without anything that JSON escapes.
    #[cfg(feature = "file-store")]
    pub(crate) fn shown(&mut self, key: &str, value: impl fmt::Display) {
        self.key(key);
        write!(self.0, "\"{value}\"").expect("text can be written into memory");
    }

    /// A text without anything that JSON escapes.
    pub(crate) fn plain(&mut self, key: &str, text: &str) {
        self.key(key);
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }
}
