//! What an inbox counts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[cfg(feature = "metrics")]
use super::series::Series;
use crate::layer::Site;

/// What can become of a message at an inbox.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    Handled,
    Duplicate,
    Waited,
    NotStarted,
    Fenced,
    TooOld,
    Unmarked,
    Refused,
}

impl Seen {
    pub(super) const COUNT: usize = 8;

    /// As metrics are labelled, in the order of the variants.
    #[cfg(feature = "metrics")]
    pub(super) const LABELS: [&str; Self::COUNT] =
        ["handled", "duplicate", "waited", "not_started", "fenced", "too_old", "unmarked", "refused"];
}

/// What became of the messages at an [`Inbox`](super::super::Inbox), counted over all messages. Clones share it.
///
/// The example of [the module](super) uses it.
#[derive(Clone, Default)]
pub struct InboxCounts(Arc<Counters>);

#[derive(Default)]
struct Counters {
    seen: [AtomicU64; Seen::COUNT],
    /// Whether the recorder of metrics was told what they are.
    #[cfg(feature = "metrics")]
    described: std::sync::OnceLock<()>,
}

impl InboxCounts {
    /// How many were handled and marked as done.
    pub fn handled(&self) -> u64 {
        self.of(Seen::Handled)
    }

    /// How many succeeded without their handler, because they had been handled before.
    pub fn duplicates(&self) -> u64 {
        self.of(Seen::Duplicate)
    }

    /// How many found another copy under way and waited for it, whatever became of them then.
    pub fn waited(&self) -> u64 {
        self.of(Seen::Waited)
    }

    /// How many of those gave up.
    pub fn not_started(&self) -> u64 {
        self.of(Seen::NotStarted)
    }

    /// How many were handled, and somebody else had taken them over meanwhile, because this process was stopped for longer than
    /// its lease. Their effect may be there twice.
    pub fn fenced(&self) -> u64 {
        self.of(Seen::Fenced)
    }

    /// How many were handled that had been sent before the window of the store began: whether they were copies is not known.
    ///
    /// Only of those that go by the id of their dispatch, which says when it was made.
    pub fn too_old(&self) -> u64 {
        self.of(Seen::TooOld)
    }

    /// How many were handled, and could not be marked: a copy of them will be handled once more.
    pub fn unmarked(&self) -> u64 {
        self.of(Seen::Unmarked)
    }

    /// How many were not handled, because the store failed or their key is too long.
    pub fn refused(&self) -> u64 {
        self.of(Seen::Refused)
    }

    fn of(&self, seen: Seen) -> u64 {
        self.0.seen[seen as usize].load(Ordering::Relaxed)
    }
}

/// Counts for one message.
pub(super) struct Tally {
    counts: InboxCounts,
    #[cfg(feature = "metrics")]
    series: Series,
}

impl Tally {
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nobody else is told"))]
    pub(super) fn new(counts: &InboxCounts, site: &Site<'_>) -> Self {
        Tally {
            counts: counts.clone(),
            #[cfg(feature = "metrics")]
            series: Series::register(site, &counts.0.described),
        }
    }

    pub(super) fn count(&self, seen: Seen) {
        self.counts.0.seen[seen as usize].fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.series.count(seen);
    }
}
