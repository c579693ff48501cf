//! A plan for people.

use std::fmt::Write as _;

use super::{Line, Plan, Verdict};
use crate::{display::visible, reading::Problems};

pub(super) fn of(plan: &Plan, problems: &Problems) -> String {
    let [dispatched, skipped] = plan.parts();
    let mut text = String::new();
    put(&mut text, &dispatched, "would be dispatched");
    put_count(&mut text, plan.nested, "were sent by handlers, which send them again");
    put(&mut text, &skipped, "cannot be replayed");
    put_count(&mut text, problems.damaged, "lines are damaged");
    put_count(&mut text, problems.dropped, "were dropped when it was written");
    if problems.torn_ends > 0 {
        text.push_str("           the last line is half written\n");
    }
    text
}

fn put_count(text: &mut String, count: u64, what: &str) {
    let _ = writeln!(text, "{count:>9}  {what}");
}

fn put(text: &mut String, lines: &[(&Line, &u64)], what: &str) {
    put_count(text, lines.iter().map(|(_, count)| **count).sum(), what);
    for ((verdict, message), count) in lines {
        let (kind, name) =
            message.as_ref().map_or(("", "(other)".into()), |(kind, name)| (kind.label(), visible(name)));
        let _ = match verdict {
            Verdict::Dispatched => writeln!(text, "  {count:>9}  {kind:<7}  {name}"),
            Verdict::NoPayload(why) => writeln!(text, "  {count:>9}  {kind:<7}  {name}  no payload: {why}"),
            Verdict::Redacted => writeln!(text, "  {count:>9}  {kind:<7}  {name}  redacted"),
        };
    }
}
