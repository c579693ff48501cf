//! `linkbus recordings replay-plan`

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _};

use linkbus::{
    Kind,
    recording::{Filter, RecordRef, Withheld},
};

use crate::{
    display::visible,
    failure::Failure,
    input::Manner,
    options::ReplayPlan,
    output,
    reading::{Problems, Reading},
};

/// What stands in place of something redacted.
const REDACTED: &str = "***REDACTED***";
/// How many lines a plan has at most.
const MOST_LINES: usize = 1000;

pub(crate) fn run(options: &ReplayPlan) -> Result<bool, Failure> {
    let mut plan = Plan::default();
    let mut records = Reading::open(&options.file, Manner::Watched, Filter::any())?;
    records.for_each(|record| plan.add(record))?;
    let problems = records.finish();
    let mut out = output::stdout(false);
    out.write_all(plan.shown(&problems).as_bytes())?;
    out.flush()?;
    Ok(plan.is_complete() && problems.is_clean())
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

impl Plan {
    fn add(&mut self, record: &RecordRef<'_>) {
        if record.is_nested {
            self.nested += 1;
            return;
        }
        let verdict = Verdict::of(record);
        let line = (verdict, Some((record.kind, record.message.to_string())));
        let is_full = self.lines.len() >= MOST_LINES && !self.lines.contains_key(&line);
        *self.lines.entry(if is_full { (verdict, None) } else { line }).or_default() += 1;
    }

    fn is_complete(&self) -> bool {
        self.lines.keys().all(|(verdict, _)| *verdict == Verdict::Dispatched)
    }

    fn shown(&self, problems: &Problems) -> String {
        let (dispatched, skipped): (Vec<_>, Vec<_>) =
            self.lines.iter().partition(|((verdict, _), _)| *verdict == Verdict::Dispatched);
        let mut shown = String::new();
        let _ = writeln!(shown, "{:>9}  would be dispatched", sum(&dispatched));
        put(&mut shown, &dispatched);
        let _ = writeln!(shown, "{:>9}  were sent by handlers, which send them again", self.nested);
        let _ = writeln!(shown, "{:>9}  cannot be replayed", sum(&skipped));
        put(&mut shown, &skipped);
        let _ = writeln!(shown, "{:>9}  lines are damaged", problems.damaged);
        let _ = writeln!(shown, "{:>9}  were dropped when it was written", problems.dropped);
        if problems.torn_ends > 0 {
            shown.push_str("           the last line is half written\n");
        }
        shown
    }
}

fn sum(lines: &[(&Line, &u64)]) -> u64 {
    lines.iter().map(|(_, count)| **count).sum()
}

fn put(shown: &mut String, lines: &[(&Line, &u64)]) {
    for ((verdict, message), count) in lines {
        let (kind, name) =
            message.as_ref().map_or(("", "(other)".into()), |(kind, name)| (kind.label(), visible(name)));
        let _ = match verdict {
            Verdict::Dispatched => writeln!(shown, "  {count:>9}  {kind:<7}  {name}"),
            Verdict::NoPayload(why) => writeln!(shown, "  {count:>9}  {kind:<7}  {name}  no payload: {why}"),
            Verdict::Redacted => writeln!(shown, "  {count:>9}  {kind:<7}  {name}  redacted"),
        };
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
