//! Lines, one after the other, of a file that may grow.

use std::io::{self, BufRead, Read as _};

/// Reads lines, in memory for one.
pub(super) struct Lines<R> {
    input: R,
    pub(super) limit: u64,
    /// The line, with its line feed if that is there.
    pub(super) text: Vec<u8>,
    pub(super) place: Place,
    /// The rest of a line that is too long is yet to come.
    is_skipping: bool,
}

/// How far lines were read.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// In bytes from the beginning.
    pub(super) offset: u64,
    /// How many lines there are before.
    pub(super) number: u64,
    /// What there is of a line was looked at, and is not part of the next.
    is_passed: bool,
}

/// What there is to look at.
pub(super) enum Line {
    None,
    Read {
        /// Whether it has its line feed.
        is_whole: bool,
    },
    /// It began there, and nothing of it is kept.
    TooLong(Place),
}

impl Place {
    /// Goes on behind what there is of a line.
    pub(super) fn pass(&mut self, bytes: usize, is_whole: bool) {
        self.offset += bytes as u64;
        self.number += u64::from(is_whole);
        self.is_passed = true;
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, limit: u64) -> Self {
        Lines { input, limit, text: Vec::new(), place: Place::default(), is_skipping: false }
    }

    /// Reads a line, or what there is of the last one: as long as that is not passed, the next call reads more of it.
    pub(super) fn read(&mut self) -> io::Result<Line> {
        if self.is_skipping {
            self.skip(0)?;
        }
        if std::mem::take(&mut self.place.is_passed) {
            self.text.clear();
        }
        // The line may have begun already, when the file was shorter.
        let most = self.limit.saturating_add(1).saturating_sub(self.text.len() as u64);
        self.input.by_ref().take(most).read_until(b'\n', &mut self.text)?;
        let is_whole = self.text.ends_with(b"\n");
        if !is_whole && self.text.len() as u64 > self.limit {
            return self.pass_too_long();
        }
        Ok(if self.text.is_empty() { Line::None } else { Line::Read { is_whole } })
    }

    fn pass_too_long(&mut self) -> io::Result<Line> {
        let (place, begun) = (self.place, self.text.len() as u64);
        self.text.clear();
        self.skip(begun)?;
        Ok(Line::TooLong(place))
    }

    /// Goes on behind a line of which so much was read, or where the file ends within it.
    fn skip(&mut self, begun: u64) -> io::Result<()> {
        self.place.offset += begun + self.skip_rest()?;
        self.place.number += u64::from(!self.is_skipping);
        Ok(())
    }

    /// Passes over the rest of a line, and says how much that was.
    fn skip_rest(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.input.consume(used);
            skipped += used as u64;
            self.is_skipping = end.is_none();
            if used == 0 || end.is_some() {
                return Ok(skipped);
            }
        }
    }
}
