//! What becomes of messages at an inbox, told to the recorder of the [`metrics`](::metrics) facade.

use std::sync::OnceLock;

use metrics::{Counter, Key, Label, Unit};

use super::counts::Seen;
use crate::layer::{
    Site,
    metrics::{METADATA, labels},
};

const MESSAGES: &str = "linkbus_inbox_total";

/// The series of one message, one for each thing that can become of it: told to nobody if there is no recorder.
pub(super) struct Series([Counter; Seen::COUNT]);

impl Series {
    /// They are described for the first message of a layer.
    pub(super) fn register(site: &Site<'_>, described: &OnceLock<()>) -> Self {
        metrics::with_recorder(|recorder| {
            let about = "Messages at an inbox, by what became of them.";
            described.get_or_init(|| recorder.describe_counter(MESSAGES.into(), Some(Unit::Count), about.into()));
            let labels = labels(site);
            Series(Seen::LABELS.map(|result| {
                let result = Label::from_static_parts("result", result);
                let labels: Vec<_> = labels.iter().cloned().chain([result]).collect();
                recorder.register_counter(&Key::from_parts(MESSAGES, labels), &METADATA)
            }))
        })
    }

    pub(super) fn count(&self, seen: Seen) {
        self.0[seen as usize].increment(1);
    }
}
