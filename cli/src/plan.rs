//! `linkbus recordings replay-plan`

mod dispatches;
mod json;
mod text;

use std::{collections::BTreeMap, io::Write as _};

use linkbus::{
    Kind,
    recording::{Filter, RecordRef, Withheld},
};

use self::dispatches::{Dispatches, Planned};
use crate::{failure::Failure, input::Manner, options::ReplayPlan, output, reading::Reading};

/// What stands in place of something redacted.
const REDACTED: &str = "***REDACTED***";
/// How many lines a plan has at most.
const MOST_LINES: usize = 1000;
/// No name that linkbus takes is nearly as long.
const LONGEST_NAME: usize = 256;

pub(crate) fn run(options: &ReplayPlan) -> Result<bool, Failure> {
    let (mut plan, mut dispatches) = (Plan::default(), Dispatches::default());
    let mut records = Reading::open(&options.file, Manner::Watched, Filter::any())?;
    records.for_each(|record| plan.extend(dispatches.hold(record, planned(record))))?;
    plan.extend(dispatches);
    let problems = records.finish();
    let shown = if options.is_json { json::of(&plan, &problems) } else { text::of(&plan, &problems) };
    let mut out = output::stdout(false);
    out.write_all(shown.as_bytes())?;
    out.flush()?;
    Ok(plan.is_complete() && problems.is_clean())
}

/// What a replay does with a record.
fn planned(record: &RecordRef<'_>) -> Planned {
    let name = || (record.message.len() <= LONGEST_NAME).then(|| (record.kind, record.message.to_string()));
    (!record.is_nested).then(|| (Verdict::of(record), name()))
}

/// What a replay does with a message from outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Dispatched,
    /// It has no payload, for the reason with this label.
    NoPayload(&'static str),
    Redacted,
}

/// A line of the plan; the message is `None` where there are too many.
type Line = (Verdict, Option<(Kind, String)>);

#[derive(Default)]
struct Plan {
    lines: BTreeMap<Line, u64>,
    nested: u64,
}

impl Extend<Planned> for Plan {
    fn extend<I: IntoIterator<Item = Planned>>(&mut self, dispatches: I) {
        for planned in dispatches {
            match planned {
                None => self.nested += 1,
                Some(line) => self.add(line),
            }
        }
    }
}

impl Plan {
    fn add(&mut self, line: Line) {
        let is_full = self.lines.len() >= MOST_LINES && !self.lines.contains_key(&line);
        *self.lines.entry(if is_full { (line.0, None) } else { line }).or_default() += 1;
    }

    fn is_complete(&self) -> bool {
        self.lines.keys().all(|(verdict, _)| *verdict == Verdict::Dispatched)
    }

    /// What is dispatched, and what is not.
    fn parts(&self) -> [Vec<(&Line, &u64)>; 2] {
        let (dispatched, skipped) = self.lines.iter().partition(|((verdict, _), _)| *verdict == Verdict::Dispatched);
        [dispatched, skipped]
    }
}

impl Verdict {
    /// As `linkbus::recording::Replay` judges, as far as that can be told without the program.
    fn of(record: &RecordRef<'_>) -> Self {
        match record.payload() {
            None => Verdict::NoPayload(record.withheld.map_or("unknown", Withheld::label)),
            Some(payload) if record.is_redacted && payload.contains(REDACTED) => Verdict::Redacted,
            Some(_) => Verdict::Dispatched,
        }
    }
}
