//! What is written behind what stands there already, and gone again unless it is kept.

use std::io;

/// Appends to a buffer up to a limit. Dropped without [`keep`](Tail::keep), it takes back what it appended.
pub(super) struct Tail<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    end: usize,
    is_full: bool,
}

impl<'a> Tail<'a> {
    /// At most `limit` bytes behind what `out` holds.
    pub(super) fn behind(out: &'a mut Vec<u8>, limit: usize) -> Self {
        let start = out.len();
        Tail { out, start, end: start.saturating_add(limit), is_full: false }
    }

    /// Whether more than the limit was to be written.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes nothing more, however short it is.
    #[cold]
    fn filled(&mut self) -> io::Error {
        (self.is_full, self.end) = (true, self.out.len());
        io::ErrorKind::FileTooLarge.into()
    }

    /// Leaves what was written where it is.
    pub(super) fn keep(mut self) {
        self.start = self.out.len();
    }
}

impl Drop for Tail<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}

impl io::Write for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The length never passes `end`.
        if bytes.len() > self.end - self.out.len() {
            return Err(self.filled());
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_is_not_kept_is_taken_back() {
        let mut out = b"before".to_vec();
        Tail::behind(&mut out, 10).write_all(b"gone").unwrap();
        assert_eq!(out, b"before");
        let mut tail = Tail::behind(&mut out, 10);
        tail.write_all(b", after").unwrap();
        tail.keep();
        assert_eq!(out, b"before, after");
    }

    #[test]
    fn what_is_full_takes_nothing_more() {
        let mut out = b"before".to_vec();
        let mut tail = Tail::behind(&mut out, 3);
        tail.write_all(b"ab").unwrap();
        assert!(!tail.is_full());
        tail.write_all(b"cd").unwrap_err();
        tail.write_all(b"c").unwrap_err();
        assert!(tail.is_full());
    }
}
