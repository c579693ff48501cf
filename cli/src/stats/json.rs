//! Counts for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    row::Row,
    timeline::{Columns, Span},
    totals::{Name, Totals},
};
use crate::{display::visible_json, reading::Problems, time};

#[derive(Serialize)]
struct Counts<'a> {
    records: u64,
    first: Option<String>,
    last: Option<String>,
    per_second: Option<f64>,
    damaged_lines: u64,
    dropped_records: u64,
    torn_ends: u64,
    messages: Vec<MessageCounts<'a>>,
}

/// `message` and `kind` are `null` for those that have no row of their own.
#[derive(Serialize)]
struct MessageCounts<'a> {
    message: Option<&'a str>,
    kind: Option<&'static str>,
    count: u64,
    failures: BTreeMap<&'static str, u64>,
    per_second: Option<f64>,
    min_ns: u128,
    p50_ns: u128,
    p95_ns: u128,
    p99_ns: u128,
    max_ns: u128,
    over_time: Columns,
}

pub(super) fn of(totals: &Totals, problems: &Problems) -> String {
    let at = |at: u64| time::exact(std::time::UNIX_EPOCH + std::time::Duration::from_micros(at)).to_string();
    let messages = totals.span.map_or_else(Vec::new, |span| {
        totals.rows().into_iter().map(|(name, row)| message(name, row, totals, span)).collect()
    });
    let counts = Counts {
        records: totals.records,
        first: totals.span.map(|span| at(span.first)),
        last: totals.span.map(|span| at(span.last)),
        per_second: totals.per_second(totals.records).map(rounded),
        damaged_lines: problems.damaged,
        dropped_records: problems.dropped,
        torn_ends: problems.torn_ends,
        messages,
    };
    let json = serde_json::to_string(&counts).unwrap_or_else(|_| unreachable!("texts and numbers are JSON"));
    format!("{}\n", visible_json(&json))
}

fn message<'a>(name: Option<&'a Name>, row: &Row, totals: &Totals, span: Span) -> MessageCounts<'a> {
    let durations = &row.durations;
    MessageCounts {
        message: name.map(|name| &*name.message),
        kind: name.map(|name| name.kind.label()),
        count: durations.count(),
        failures: row.failures().into_iter().collect(),
        per_second: totals.per_second(durations.count()).map(rounded),
        min_ns: durations.min().as_nanos(),
        p50_ns: durations.quantile(0.5).as_nanos(),
        p95_ns: durations.quantile(0.95).as_nanos(),
        p99_ns: durations.quantile(0.99).as_nanos(),
        max_ns: durations.max().as_nanos(),
        over_time: row.timeline.columns(span),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
