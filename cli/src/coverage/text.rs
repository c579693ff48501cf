//! Coverage for people.

use super::{Covered, Merged};
use crate::display::visible;

pub(super) fn of(merged: &Merged) -> String {
    let (all, unreached) = (merged.handlers.len(), merged.never_ran().count());
    let processes = if merged.processes == 1 { "process" } else { "processes" };
    let ran = format!("{} of {all} handlers ran, in {} {processes}\n", all - unreached, merged.processes);
    [
        ran,
        list("never ran", merged.never_ran()),
        list("never failed", merged.never_failed()),
        list("never tried again", merged.never_retried()),
        left_out(merged.left_out),
    ]
    .concat()
}

fn left_out(handlers: u64) -> String {
    if handlers == 0 { String::new() } else { format!("{handlers} more handlers were not counted\n") }
}

/// Nothing, if there are none.
fn list<'c>(title: &str, handlers: impl Iterator<Item = &'c Covered>) -> String {
    let lines: String = handlers.map(line).collect();
    if lines.is_empty() { lines } else { format!("{title}:\n{lines}") }
}

fn line(covered: &Covered) -> String {
    let Covered { handler, kind, message, file, line, .. } = covered;
    format!("  {}\n", visible(&format!("{handler}, of {kind} {message}, at {file}:{line}")))
}
