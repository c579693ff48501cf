//! What `tracing` is told in a test, as text.
#![allow(dead_code, reason = "no test program needs all of it")]

use std::{
    fmt::{Debug, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::Field,
    span::{Attributes, Id, Record},
};

/// Keeps every event, every span and what is recorded in one, a line each: `LEVEL target field=value ..`. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Kept>);

#[derive(Default)]
struct Kept {
    text: Mutex<String>,
    spans: AtomicU64,
}

/// The fields of a line.
struct Fields<'a>(&'a mut String);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Log {
    pub(crate) fn text(&self) -> String {
        self.0.text.lock().unwrap().clone()
    }

    /// How often it says `what`.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.text().matches(what).count()
    }

    fn line(&self, beginning: String, fields: impl FnOnce(&mut Fields<'_>)) {
        let mut line = beginning;
        fields(&mut Fields(&mut line));
        self.0.text.lock().unwrap().push_str(&(line + "\n"));
    }
}

fn beginning(metadata: &Metadata<'_>) -> String {
    format!("{} {}", metadata.level(), metadata.target())
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line(beginning(span.metadata()), |fields| span.record(fields));
        Id::from_u64(1 + self.0.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.line("span".to_owned(), |fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.line(beginning(event.metadata()), |fields| event.record(fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
