//! The tables.

use std::{fmt::Write as _, ptr};

use linkbus_peers::{
    CASES, Case,
    results::{Comparison, Done, Figure, PeerResults, Run},
};

use crate::{
    cells::{self, SIGNS, cell},
    rows::{Row, rows},
};

const TITLE: &str = "\
# linkbus beside what else there is

`cargo xtask bench` wrote this; what each case is, is in `benches/peers/src/case.rs`, and each peer has a file there.
";

/// Everything that was measured.
pub(crate) fn all(comparison: &Comparison) -> String {
    let rows = rows(comparison);
    let mut text = format!("{TITLE}\n{}\n\n## At a glance\n\n{}", run(&comparison.plain.run), at_a_glance(&rows));
    for asked in ASKED {
        let _ = write!(text, "\n## {}\n\n{} {SIGNS}\n\n{}", asked.what, asked.meaning, asked.table(&rows));
    }
    text += "\n## What they cannot\n\n";
    for row in &rows {
        let _ = writeln!(text, "- **{}**: {}", shown(&row.peer.peer), cannot(row.peer));
    }
    text
}

/// What is seen at a glance, without the second direct call: with the feature `strict-link` it is the same.
pub(crate) fn short(comparison: &Comparison) -> String {
    let is_second = |row: &Row| ptr::eq(row.peer, &raw const comparison.strict.baseline);
    let rows: Vec<_> = rows(comparison).into_iter().filter(|row| !is_second(row)).collect();
    format!("{}\n{}\n", at_a_glance(&rows), run(&comparison.plain.run))
}

fn run(Run { machine, compiler, profile, date, commit }: &Run) -> String {
    // The name of an architecture, which clippy takes for that of an item where a page is documentation.
    format!("{date}; commit `{commit}`; `{machine}`; {compiler}; {profile}.")
}

/// As code: a name may have angle brackets and underscores.
fn shown(name: &str) -> String {
    format!("`{name}`")
}

/// A message to its one handler, and an event to three, with what is given for it.
fn at_a_glance(rows: &[Row]) -> String {
    let mut text = String::from(
        "| | one handler, ns | instructions | more than a direct call of the same kind | blocks | event to 3, ns | what it gives |\n",
    );
    text += "|---|--:|--:|--:|--:|--:|---|\n";
    for way in rows.iter().flat_map(|row| row.ways()) {
        let [time, instructions, blocks] =
            [cells::nanoseconds, cells::instructions, cells::blocks].map(|value| cell(way.figure(), value));
        let more = if way.row.is_baseline() { None } else { way.more() };
        let more = more.map_or_else(String::new, |more| format!("{:+}", more.round()));
        let event = way.events.map_or_else(String::new, |event| cell(event, cells::nanoseconds));
        let name = shown(&way.name);
        let _ = writeln!(text, "| {name} | {time} | {instructions} | {more} | {blocks} | {event} | {} |", way.gives);
    }
    text
}

/// One table, of all cases for which it is measured.
struct Asked {
    what: &'static str,
    meaning: &'static str,
    value: fn(Done) -> Option<String>,
    holds_for: fn(Case) -> bool,
}

const ASKED: [Asked; 3] = [
    Asked {
        what: "Nanoseconds",
        meaning: "For a turn; with callers, from the first start to the last end, for a turn of each. Between the two, where there \
            are two, is the median with a confidence of 95 %, as criterion has it. What is built is \
            built in a process that is warm; `cargo xtask bench count` times a whole process (`at_scale`). \
            Actors of actix stay on one thread, so its second caller waits for another thread in every turn.",
        value: cells::nanoseconds,
        holds_for: |_| true,
    },
    Asked {
        what: "Instructions",
        meaning: "For a turn, as callgrind counts them; it runs threads one at a time, so callers are not counted.",
        value: cells::instructions,
        holds_for: Case::is_countable,
    },
    Asked {
        what: "Blocks",
        meaning: "Of memory that a turn takes; with callers, a turn of each.",
        value: cells::blocks,
        holds_for: |_| true,
    },
];

impl Asked {
    fn table(&self, rows: &[Row]) -> String {
        let cases: Vec<Case> = CASES.iter().copied().filter(|case| (self.holds_for)(*case)).collect();
        let names: Vec<String> = cases.iter().map(Case::to_string).collect();
        let mut text = format!("| | {} |\n|---|{}\n", names.join(" | "), "--:|".repeat(names.len()));
        for row in rows {
            let cells = cases.iter().map(|case| cell(row.figure(*case), self.value));
            let _ = writeln!(text, "| {} | {} |", shown(&row.peer.peer), cells.collect::<Vec<_>>().join(" | "));
        }
        text
    }
}

/// Each reason once, with the cases that it is for.
fn cannot(peer: &PeerResults) -> String {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for case in CASES {
        let reason = match &peer.cases[&case.to_string()] {
            Figure::Done(_) => continue,
            Figure::Cannot(reason) => reason.clone(),
            Figure::NotAsked(reason) => format!("not asked: {reason}"),
        };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, cases)) => cases.push(case.to_string()),
            None => reasons.push((reason, vec![case.to_string()])),
        }
    }
    if reasons.is_empty() {
        return "does all of it".to_owned();
    }
    let said = reasons.iter().map(|(reason, cases)| format!("{reason} ({})", cases.join("; ")));
    said.collect::<Vec<_>>().join("; ")
}
