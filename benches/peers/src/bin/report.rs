//! Writes the tables and the chart: `report FOLDER PLAIN STRICT [PYTHON]`, where the second and the third are files of
//! `measure`, and the last is what the script of the Python reference printed. `report FOLDER` writes those of the
//! `peers.json` that the folder has already.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs, io, iter,
    path::{Path, PathBuf},
};

use linkbus_peers::{
    CASES, Case,
    results::{Figure, PeerResults, Results, Run},
};
use plotters::prelude::*;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [folder] => draw(&Results::read(&kept(folder))?, Path::new(folder)),
        [folder, plain, strict, python @ ..] => {
            let python = python.first().map_or("cannot: it was not run", String::as_str);
            let results = joined(Path::new(plain), Path::new(strict), python)?;
            results.write(&kept(folder))?;
            draw(&results, Path::new(folder))
        }
        _ => Err(io::Error::other("usage: report FOLDER [PLAIN STRICT [PYTHON]]")),
    }
}

/// Where all that was measured is kept.
fn kept(folder: &str) -> PathBuf {
    Path::new(folder).join("peers.json")
}

fn joined(plain: &Path, strict: &Path, python: &str) -> io::Result<Results> {
    let (mut results, strict) = (Results::read(plain)?, Results::read(strict)?);
    // Beside the same without the feature: after the direct call and both buses.
    results.peers.splice(3..3, strict.peers);
    results.peers.push(reference(python));
    Ok(results)
}

fn draw(results: &Results, folder: &Path) -> io::Result<()> {
    fs::write(folder.join("peers.md"), tables(results))?;
    chart(results, &folder.join("peers.svg")).map_err(io::Error::other)
}

/// The Python reference, which only its own benchmark measures.
fn reference(printed: &str) -> PeerResults {
    let figure = match printed.trim().parse() {
        Ok(nanoseconds) => Figure::Done { nanoseconds: Some(nanoseconds), instructions: None, blocks: None },
        Err(_) => Figure::Cannot(printed.trim().trim_start_matches("cannot: ").to_owned()),
    };
    let others = CASES.iter().filter(|case| **case != Case::Sync);
    let mut cases: BTreeMap<String, Figure> =
        others.map(|case| (case.to_string(), Figure::Cannot("its benchmark does not ask for it".to_owned()))).collect();
    cases.insert(Case::Sync.to_string(), figure);
    let gives = "Python; as its README measures it".to_owned();
    PeerResults { peer: "py-message-bus, CPython 3.11".to_owned(), gives, cases }
}

fn tables(results: &Results) -> String {
    let Run { machine, compiler, profile, date } = &results.run;
    let mut text = format!("{date}; {machine}; {compiler}; {profile}.\n\n## At a glance\n\n");
    text += &at_a_glance(results);
    let asked: [(&str, &str, fn(&Figure) -> Option<f64>); 3] = [
        ("Nanoseconds", "the median of criterion, for a turn; with callers, for a turn of each", nanoseconds),
        ("Instructions", "of callgrind, for a turn; not of callers, whose threads it runs one at a time", instructions),
        ("Blocks", "of memory that a turn takes", blocks),
    ];
    for (what, meaning, value) in asked {
        let _ = write!(
            text,
            "\n## {what}\n\n{what} {meaning}. A dash: it cannot, and [below](#what-they-cannot) is\nwhy. A question mark: it is not measured.\n\n"
        );
        text += &table(results, value);
    }
    text += "\n## What they cannot\n\n";
    for peer in &results.peers {
        let _ = writeln!(text, "- **{}**: {}", shown(&peer.peer), cannot(peer));
    }
    text
}

/// As code: a name may have angle brackets and underscores.
fn shown(name: &str) -> String {
    format!("`{name}`")
}

/// A message to its one handler, and an event to three, with what is given for it.
fn at_a_glance(results: &Results) -> String {
    let mut text = String::from("| | one handler, ns | instructions | blocks | event to 3, ns | what it gives |\n");
    text += "|---|--:|--:|--:|--:|---|\n";
    for way in results.peers.iter().flat_map(ways) {
        let cells = [nanoseconds, instructions, blocks].map(|value| cell(way.figure, value));
        let event = way.events.map_or_else(String::new, |event| cell(event, nanoseconds));
        let _ = writeln!(text, "| {} | {} | {event} | {} |", shown(&way.name), cells.join(" | "), way.gives);
    }
    text
}

/// One way of a peer to get a message to its one handler.
struct Way<'a> {
    name: String,
    figure: &'a Figure,
    /// An event to three plain functions; a second way has none.
    events: Option<&'a Figure>,
    gives: &'a str,
}

/// Who takes plain functions and `async fn`s has a way to each: most take one kind, and are to be compared with the same.
fn ways(peer: &PeerResults) -> impl Iterator<Item = Way<'_>> {
    let done = |case: Case| match &peer.cases[&case.to_string()] {
        Figure::Cannot(_) => None,
        done @ Figure::Done { .. } => Some(done),
    };
    let (plain, awaited) = (done(Case::Sync), done(Case::Async));
    let cannot = &peer.cases[&Case::Sync.to_string()];
    let (name, gives) = (peer.peer.clone(), &*peer.gives);
    let events = Some(&peer.cases[&Case::Events(3).to_string()]);
    let first = Way { name, figure: plain.or(awaited).unwrap_or(cannot), events, gives };
    let second = plain.and(awaited).map(|figure| Way {
        name: format!("{}, async fn", peer.peer),
        figure,
        events: None,
        gives: "the same",
    });
    iter::once(first).chain(second)
}

fn table(results: &Results, value: fn(&Figure) -> Option<f64>) -> String {
    let names: Vec<String> = CASES.iter().map(Case::to_string).collect();
    let mut text = format!("| | {} |\n|---|{}\n", names.join(" | "), "--:|".repeat(names.len()));
    for peer in &results.peers {
        let cells = names.iter().map(|name| cell(&peer.cases[name], value));
        let _ = writeln!(text, "| {} | {} |", shown(&peer.peer), cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

fn cell(figure: &Figure, value: fn(&Figure) -> Option<f64>) -> String {
    match (figure, value(figure)) {
        (Figure::Cannot(_), _) => "–".to_owned(),
        (_, None) => "?".to_owned(),
        (_, Some(value)) if value < 100.0 && value.fract().abs() > 0.05 => format!("{value:.1}"),
        (_, Some(value)) => format!("{value:.0}"),
    }
}

fn nanoseconds(figure: &Figure) -> Option<f64> {
    if let Figure::Done { nanoseconds, .. } = figure { *nanoseconds } else { None }
}

fn instructions(figure: &Figure) -> Option<f64> {
    if let Figure::Done { instructions, .. } = figure { *instructions } else { None }
}

fn blocks(figure: &Figure) -> Option<f64> {
    if let Figure::Done { blocks, .. } = figure { *blocks } else { None }
}

/// Each reason once, with the cases that it is for.
fn cannot(peer: &PeerResults) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for case in CASES {
        let Figure::Cannot(reason) = &peer.cases[&case.to_string()] else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
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

/// A message to its one handler, and the reply.
fn chart(results: &Results, path: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let ways = results.peers.iter().flat_map(ways);
    let mut bars: Vec<(String, f64)> = ways.filter_map(|way| Some((way.name, nanoseconds(way.figure)?))).collect();
    bars.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    let most = bars.last().map_or(1.0, |(_, slowest)| *slowest);

    let row = 24;
    let height = u32::try_from(bars.len())? * row + 70;
    let area = SVGBackend::new(path, (860, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let text = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
    area.draw(&Text::new(
        "A message to its one handler, and the reply: nanoseconds, on a logarithmic scale",
        (12, 14),
        text(16),
    ))?;
    for (place, (name, time)) in (0i32..).zip(&bars) {
        let top = 48 + place * 24;
        let end = 270 + length(*time, most);
        let color = if name.starts_with("linkbus") { RGBColor(31, 119, 180) } else { RGBColor(170, 170, 170) };
        area.draw(&Rectangle::new([(270, top), (end, top + 16)], color.filled()))?;
        area.draw(&Text::new(name.clone(), (12, top + 2), text(13)))?;
        area.draw(&Text::new(format!("{time:.1}"), (end + 6, top + 2), text(13)))?;
    }
    let Run { machine, date, .. } = &results.run;
    area.draw(&Text::new(format!("{date}; {machine}"), (12, i32::try_from(height)? - 18), text(11)))?;
    Ok(area.present()?)
}

/// Of a bar, in points: equal steps for equal factors, from half a nanosecond on.
#[expect(clippy::cast_possible_truncation, reason = "it is some hundred points")]
fn length(nanoseconds: f64, most: f64) -> i32 {
    const LEAST: f64 = 0.5;
    (500.0 * (nanoseconds / LEAST).ln().max(0.02) / (most / LEAST).ln()) as i32
}
