//! What came of a stimulus, and what is expected of it.

use std::fmt;

use super::{MOST, Tree};
use crate::{message::Message, testing::Times};

/// What came of a stimulus: its outcome, and the [`Tree`] of what it caused. Made by [`Track`](super::Track).
///
/// Stimulus and expectations make one line:
///
/// ```
/// # use std::sync::{Arc, atomic::{AtomicU32, Ordering::Relaxed}};
/// # use linkbus::{Command, SyncBus};
/// # #[derive(Command)]
/// # struct Add(u32);
/// let total = Arc::new(AtomicU32::new(0));
/// # let total_of_handler = Arc::clone(&total);
/// let bus = SyncBus::empty().command(move |add: Add| _ = total_of_handler.fetch_add(add.0, Relaxed)).build().unwrap();
/// bus.track().execute(Add(2)).succeeds().leaves("a total of 2", || total.load(Relaxed) == 2);
/// ```
#[derive(Debug)]
pub struct Scenario<T> {
    outcome: T,
    tree: Tree,
}

#[expect(clippy::return_self_not_must_use, reason = "each is an assertion, and may be the last")]
impl<T> Scenario<T> {
    pub(super) fn new(outcome: T, tree: Tree) -> Self {
        Scenario { outcome, tree }
    }

    /// What was caused.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What the dispatch itself came to.
    pub fn into_outcome(self) -> T {
        self.outcome
    }

    /// Expects so many messages of this type to be caused by the stimulus, at any depth; it does not count itself.
    ///
    /// # Panics
    /// If there were more or fewer; the text shows the tree. If the run had more dispatches than are kept: the answer is not known.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and ranges are written out here")]
    #[track_caller]
    pub fn causes<M: Message>(self, times: impl Times) -> Self {
        let lost = self.tree.lost();
        assert!(lost == 0, "{lost} dispatches more than the {MOST} that are kept: let one stimulus cause less");
        let caused = self.tree.branches().iter().filter(|branch| branch.depth() > 0 && branch.message() == M::FACTS);
        let count = caused.count();
        if !times.fits(count) {
            let (name, expected, was) = (M::FACTS.name, times.says(), count.says());
            panic!("expected `{name}` to be caused {expected}, but it was caused {was}\n{}", self.tree);
        }
        self
    }

    /// Expects this of the state that it leaves behind; `what` says it in words.
    ///
    /// # Panics
    /// If it is not so; the text shows the tree.
    #[track_caller]
    pub fn leaves(self, what: &str, is_so: impl FnOnce() -> bool) -> Self {
        assert!(is_so(), "expected it to leave {what}\n{}", self.tree);
        self
    }
}

#[expect(clippy::return_self_not_must_use, reason = "each is an assertion, and may be the last")]
impl<R, E: fmt::Display> Scenario<Result<R, E>> {
    /// Expects the stimulus itself to succeed.
    ///
    /// # Panics
    /// If it failed; the text has the error and the tree.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        if let Err(error) = &self.outcome {
            panic!("expected it to succeed, but it failed: {error}\n{}", self.tree);
        }
        self
    }

    /// Expects the stimulus itself to fail with an error like this.
    ///
    /// # Panics
    /// If it succeeded, or the error is another; the text has the tree.
    #[track_caller]
    pub fn fails_with(self, is_it: impl FnOnce(&E) -> bool) -> Self {
        match &self.outcome {
            Err(error) if is_it(error) => self,
            Err(error) => panic!("expected it to fail with another error than: {error}\n{}", self.tree),
            Ok(_) => panic!("expected it to fail, but it succeeded\n{}", self.tree),
        }
    }
}
