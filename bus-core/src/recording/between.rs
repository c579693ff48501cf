//! Between two attempts: what is recorded if no other follows.

use std::sync::Arc;

use super::{Ended, Record, Shared};
use crate::{caught::caught, message::MessageFacts};

/// The record of an attempt that is to be followed by another. It is kept with the dispatch: if that is over before the other
/// begins, because its caller dropped it or something panicked, this is all that there is to be recorded of it.
pub(super) struct Between {
    shared: Arc<Shared>,
    message: &'static MessageFacts,
    record: Option<Record>,
}

impl Between {
    pub(super) fn new(shared: &Arc<Shared>, message: &'static MessageFacts, record: Record) -> Self {
        let record = Some(Record { ended: Ended::Abandoned, ..record });
        Between { shared: Arc::clone(shared), message, record }
    }

    /// The other attempt has begun.
    pub(super) fn forget(mut self) {
        self.record = None;
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            // It may be dropped by a panic, and what listens to `tracing` may panic too.
            caught(|| self.shared.append(record, self.message));
        }
    }
}
