//! JSON as `serde_json` writes it, but no deeper than it can be read again.

use std::{cell::Cell, io};

use serde_json::ser::Formatter;

/// How many lists and objects may be inside each other. `serde_json` reads 127, one of which is the line around a payload.
pub(super) const MOST_LEVELS: usize = 126;

/// Compact, with an end to its depth.
pub(super) struct Levels<'a> {
    open: usize,
    is_too_deep: &'a Cell<bool>,
}

impl<'a> Levels<'a> {
    /// Sets `is_too_deep` where it ends.
    pub(super) fn new(is_too_deep: &'a Cell<bool>) -> Self {
        Levels { open: 0, is_too_deep }
    }

    #[inline]
    fn enter(&mut self) -> io::Result<()> {
        self.open += 1;
        if self.open > MOST_LEVELS { Err(self.too_deep()) } else { Ok(()) }
    }

    #[inline]
    fn leave(&mut self) {
        self.open -= 1;
    }

    #[cold]
    fn too_deep(&self) -> io::Error {
        self.is_too_deep.set(true);
        io::ErrorKind::InvalidData.into()
    }
}

impl Formatter for Levels<'_> {
    #[inline]
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        writer.write_all(b"[")
    }

    #[inline]
    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.leave();
        writer.write_all(b"]")
    }

    #[inline]
    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        writer.write_all(b"{")
    }

    #[inline]
    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.leave();
        writer.write_all(b"}")
    }

    /// JSON that is written already.
    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.open + levels_of(fragment) > MOST_LEVELS {
            return Err(self.too_deep());
        }
        writer.write_all(fragment.as_bytes())
    }
}

/// How many lists and objects are inside each other in `json`.
fn levels_of(json: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            b'"' if !is_escaped => is_text = !is_text,
            b'[' | b'{' if !is_text => open += 1,
            b']' | b'}' if !is_text => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
        is_escaped = byte == b'\\' && !is_escaped;
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_in_a_text_is_no_level() {
        assert_eq!(levels_of(r#"["[[\"[",{"a\\":[]},[]]"#), 3);
        assert_eq!(levels_of("7"), 0);
    }
}
