//! `linkbus recordings show`

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write},
};

use linkbus::recording::RecordRef;

use crate::{
    display::{visible, visible_json},
    failure::Failure,
    input::{Manner, is_stdin},
    options::Show,
    output,
    reading::{Problems, Reading},
    time,
};

pub(crate) fn run(options: &Show) -> Result<bool, Failure> {
    let mut problems = Problems::default();
    let mut out = output::stdout(options.follows || is_stdin(&options.file));
    let mut left = options.limit.unwrap_or(u64::MAX);
    let mut run = Some(Reading::open(&options.file, manner(options), options.filters.filter())?);
    while let Some(mut records) = run {
        show_run(&mut records, options, &mut left, &mut out)?;
        run = match left {
            0 => {
                problems.add(records.finish());
                None
            }
            _ => records.next_run(options.filters.filter(), &mut problems)?,
        };
    }
    Ok(problems.is_clean())
}

/// Shows what is in one file, and not more than is left of the limit.
fn show_run(records: &mut Reading, options: &Show, left: &mut u64, out: &mut impl Write) -> Result<(), Failure> {
    while *left > 0
        && let Some(printed) = records.next_with(|record| print(record, options, out))?
    {
        printed?;
        *left -= 1;
    }
    Ok(out.flush()?)
}

/// A bar would get between the lines on a terminal.
fn manner(options: &Show) -> Manner {
    match options.follows {
        true => Manner::Followed,
        false if io::stdout().is_terminal() => Manner::Quiet,
        false => Manner::Watched,
    }
}

fn print(record: &RecordRef<'_>, options: &Show, out: &mut impl Write) -> io::Result<()> {
    let line = if options.is_json { visible_json(record.line()) } else { line_of(record, options).into() };
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")
}

/// `2026-11-25T16:00:00.000123Z  query     740 ns  succeeded  shop.PriceOf  by shop::price_of`
fn line_of(record: &RecordRef<'_>, options: &Show) -> String {
    let mut line = format!(
        "{}  {:<7}  {:>7}  {:<9}  {}",
        time::exact(record.at),
        record.kind.label(),
        time::short(record.duration),
        record.ended.label(),
        visible(&record.message),
    );
    if let Some(handler) = &record.handler {
        put(&mut line, format_args!("  by {}", visible(handler)));
    }
    if record.is_nested {
        line.push_str(", nested");
    }
    if record.attempt > 1 {
        put(&mut line, format_args!(", attempt {}", record.attempt));
    }
    if let Some(error) = record.error() {
        put(&mut line, format_args!(": {}", visible(error)));
    }
    if options.has_ids {
        put(&mut line, format_args!("  id {} correlation {}", record.id, record.correlation_id));
    }
    if options.has_payloads {
        put_payload(&mut line, record);
    }
    line
}

fn put_payload(line: &mut String, record: &RecordRef<'_>) {
    match (record.payload(), record.withheld) {
        (Some(payload), _) => put(line, format_args!("  {}", visible_json(payload))),
        (None, Some(why)) => put(line, format_args!("  ({})", why.label())),
        (None, None) => {}
    }
    if let Some(result) = record.result() {
        put(line, format_args!(" -> {}", visible_json(result)));
    }
}

fn put(line: &mut String, what: std::fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _ = line.write_fmt(what);
}
