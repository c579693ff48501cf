//! What a failed assertion says.

use std::fmt::Write as _;

use super::{Notes, note::Note};

/// No more dispatches are shown; the rest are counted.
const MOST_SHOWN: usize = 50;

impl Notes {
    /// What a failed assertion says: what was expected, and what was dispatched instead.
    pub(super) fn failure(&self, expected: &str) -> String {
        let listed = self.listed("what was dispatched:", |_| true);
        format!("{expected}\n{listed}")
    }

    /// Those dispatches that `fit`, a line each.
    pub(super) fn listed(&self, title: &str, fits: impl Fn(&Note) -> bool) -> String {
        let mut lines = self.kept.iter().enumerate().filter(|(_, note)| fits(note)).peekable();
        if lines.peek().is_none() {
            return format!("{title} nothing");
        }
        let mut text = title.to_owned();
        for (place, note) in lines.by_ref().take(MOST_SHOWN) {
            let _ = write!(text, "\n{:>4}. {}", place + 1, note.noted());
        }
        match lines.count() {
            0 => text,
            more => format!("{text}\n      and {more} more"),
        }
    }
}
