//! Counts for people.

use std::{fmt::Write as _, time::Duration};

use super::{
    row::Row,
    timeline::{COLUMNS, Span, sparkline},
    totals::{Name, Totals},
};
use crate::{display::visible, time};

/// What has no row of its own.
const OTHER: &str = "(other)";

pub(super) fn of(totals: &Totals) -> String {
    let Some(span) = totals.span else { return "no records\n".to_owned() };
    let rows = totals.rows();
    let names: Vec<_> = rows.iter().map(|(name, _)| name.map_or(OTHER.into(), |name| visible(&name.message))).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().max("message".len());

    let mut table = summary(totals, span);
    let _ = writeln!(
        table,
        "{:<width$}  kind        count       /s      min      p50      p95      p99      max  {:<COLUMNS$}  failures",
        "message",
        over_time(span),
    );
    for (shown, (name, row)) in names.iter().zip(&rows) {
        table.push_str(line(shown, width, *name, row, totals, span).trim_end());
        table.push('\n');
    }
    table
}

/// What the columns of the sparklines are.
fn over_time(span: Span) -> String {
    match span.width() / COLUMNS as u64 {
        0 => "over time".to_owned(),
        column => format!("{COLUMNS} x {}", time::short(Duration::from_micros(column))),
    }
}

fn summary(totals: &Totals, span: Span) -> String {
    let [first, last] = [span.first, span.last].map(|at| std::time::UNIX_EPOCH + Duration::from_micros(at));
    let count = totals.records;
    let records = if count == 1 { "record" } else { "records" };
    let rate = totals.per_second(count).map_or(String::new(), |rate| format!(", {} per second", three_digits(rate)));
    format!("{count} {records} from {} to {}{rate}\n\n", time::exact(first), time::exact(last))
}

fn line(shown: &str, width: usize, name: Option<&Name>, row: &Row, totals: &Totals, span: Span) -> String {
    let durations = &row.durations;
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| time::short(durations.quantile(share)));
    format!(
        "{shown:<width$}  {:<7}  {:>8}  {:>7}  {:>7}  {p50:>7}  {p95:>7}  {p99:>7}  {:>7}  {}  {}",
        name.map_or("", |name| name.kind.label()),
        durations.count(),
        totals.per_second(durations.count()).map_or("-".to_owned(), three_digits),
        time::short(durations.min()),
        time::short(durations.max()),
        sparkline(&row.timeline.columns(span)),
        failures(row),
    )
}

/// `2 timed_out, 1 failed`
fn failures(row: &Row) -> String {
    let failures = row.failures().into_iter().map(|(label, count)| format!("{count} {label}"));
    failures.collect::<Vec<_>>().join(", ")
}

/// `0.0123`, `4.57`, `61.0`, `12346`
fn three_digits(value: f64) -> String {
    let digits = match value {
        _ if value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ if value >= 0.9995 => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}
