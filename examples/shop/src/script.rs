//! Runs a file of requests, one JSON value a line, without a server.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use linkbus::Bus;
use serde_json::error::Category;

use crate::{Answer, Reason, Request};

const EXAMPLE: &str = r#"{"GetUser": {"id": "ada"}}"#;

/// Runs the script at `path` and prints each request, what the modules do about it, and how it ended.
///
/// A refusal is an answer like any other. A line that is no request is reported with its place, and one that could not
/// be carried out is reported too; the lines after them still run. Gives the number of such lines.
pub async fn run(path: &Path, bus: &Bus) -> std::io::Result<usize> {
    let lines = BufReader::new(File::open(path)?).split(b'\n');
    let mut problems = 0;
    for (number, line) in (1..).zip(lines) {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let is_fine = match serde_json::from_slice(&line) {
            Ok(request) => perform(number, request, bus).await,
            Err(error) => reject(path, number, &error),
        };
        problems += usize::from(!is_fine);
    }
    Ok(problems)
}

async fn perform(number: usize, request: Request, bus: &Bus) -> bool {
    println!("{number}: {request}");
    match request.perform(bus).await {
        Ok(Answer::Done) => println!("  done"),
        Ok(Answer::Reply(json)) => println!("  {json}"),
        Err(failure) if failure.reason == Reason::Unavailable => {
            println!("  failed: {failure}");
            return false;
        }
        Err(refusal) => println!("  refused: {refusal}"),
    }
    true
}

fn reject(path: &Path, number: usize, error: &serde_json::Error) -> bool {
    println!("{}:{number}:{}: {}", path.display(), error.column(), explained(error));
    false
}

/// What is wrong and what is expected. The place is taken off: it is that in the line, and this is a file.
fn explained(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    match error.classify() {
        Category::Data => what.to_owned(),
        _ => format!("{what}; a line is one request in JSON, such as {EXAMPLE}"),
    }
}
