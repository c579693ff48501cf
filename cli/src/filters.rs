//! Which records, as flags.

use std::time::SystemTime;

use clap::Args;
use linkbus::{
    Kind, Uuid,
    recording::{Ended, Filter},
};

use crate::time;

const KINDS: [Kind; 4] = [Kind::Query, Kind::Command, Kind::Event, Kind::Task];

#[derive(Debug, Args)]
#[command(next_help_heading = "Filters, all of which have to hold")]
pub(crate) struct Filters {
    /// Only messages of this kind: query, command, event or task.
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,

    /// Only the message with this wire name; with a `*` at the end, all that begin like it.
    #[arg(long, value_name = "NAME")]
    message: Option<String>,

    /// Only what this handler handled: a function, with its module or without.
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,

    /// Only what began then or later: 2026-11-25T16:00:00Z, or how long ago, such as 15m.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    since: Option<SystemTime>,

    /// Only what began before then.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<SystemTime>,

    /// Only what did not succeed.
    #[arg(long = "failed", group = "ending")]
    is_failed: bool,

    /// Only what succeeded.
    #[arg(long = "succeeded", group = "ending")]
    is_succeeded: bool,

    /// Only what ended so: `failed`, `timed_out`, `panicked`, `abandoned`, ..
    #[arg(long, value_name = "LABEL", group = "ending", value_parser = outcome)]
    outcome: Option<Ended>,

    /// Only what belongs to this correlation id.
    #[arg(long, value_name = "ID", value_parser = id)]
    correlation: Option<Uuid>,

    /// Only what no handler sent.
    #[arg(long = "roots")]
    is_root: bool,
}

impl Filters {
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::any();
        if let Some(kind) = self.kind {
            filter = filter.kind(kind);
        }
        if let Some(name) = &self.message {
            filter = filter.message(name);
        }
        if let Some(name) = &self.handler {
            filter = filter.handler(name);
        }
        if let Some(time) = self.since {
            filter = filter.since(time);
        }
        if let Some(time) = self.until {
            filter = filter.until(time);
        }
        if self.is_failed {
            filter = filter.only_failures();
        }
        if self.is_succeeded {
            filter = filter.only_successes();
        }
        if let Some(ended) = self.outcome {
            filter = filter.ended(ended);
        }
        if let Some(id) = self.correlation {
            filter = filter.correlation_id(id);
        }
        if self.is_root { filter.only_roots() } else { filter }
    }
}

fn kind(label: &str) -> Result<Kind, &'static str> {
    KINDS.into_iter().find(|kind| kind.label() == label).ok_or("it is query, command, event or task")
}

fn id(text: &str) -> Result<Uuid, &'static str> {
    text.parse().map_err(|_| {
        "it is no id such as 01977e3f-0000-7000-8000-000000000003; `linkbus recordings show --ids` shows those of a recording"
    })
}

fn outcome(label: &str) -> Result<Ended, &'static str> {
    Ended::from_label(label).ok_or("no dispatch ends so; `linkbus recordings stats` shows how they ended")
}
