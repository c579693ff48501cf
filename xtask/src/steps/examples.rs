//! Runs the example programs and compares what they print with what is checked in.

use std::fs;

use crate::command::{CommandLine, all};
use crate::metadata::Metadata;
use crate::step::{Outcome, Unmet};

struct Example {
    package: &'static str,
    arguments: &'static str,
    /// The file that holds the standard output, to the byte.
    expected: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example { package: "shop", arguments: "--script examples/shop/demo.jsonl", expected: "examples/shop/demo.out" },
    Example {
        package: "shop",
        arguments: "--processes --script examples/shop/demo.jsonl",
        expected: "examples/shop/demo.out",
    },
    Example {
        package: "shop",
        arguments: "--processes --kill stock --script examples/shop/demo.jsonl",
        expected: "examples/shop/demo.out",
    },
    Example { package: "observability", arguments: "--demo", expected: "examples/observability/demo.out" },
];

/// An example that is not in the workspace is never counted as passed: what is there runs, then the step is skipped.
pub(super) fn run() -> Outcome {
    let workspace = Metadata::read()?;
    let (present, absent): (Vec<&Example>, _) = EXAMPLES.iter().partition(|it| workspace.has_member(it.package));
    all(present.iter().map(|example| example.check()))?;
    match absent.as_slice() {
        [] => Ok(format!("{} compared", present.len())),
        absent => Err(Unmet::Skipped(not_in_workspace(absent))),
    }
}

fn not_in_workspace(absent: &[&Example]) -> String {
    let names: Vec<&str> = absent.iter().map(|example| example.package).collect();
    format!("not in the workspace: {}", names.join(", "))
}

impl Example {
    fn check(&self) -> Result<(), String> {
        let line = CommandLine::cargo(&format!("run --quiet -p {} -- {}", self.package, self.arguments));
        compare(&line, self.expected)
    }
}

/// Runs `line`, and compares what it prints with the file `expected`.
pub(super) fn compare(line: &CommandLine, expected: &str) -> Result<(), String> {
    let printed = line.read()?;
    let text = fs::read_to_string(expected).map_err(|error| format!("{expected}: {error}"))?;
    first_difference(&text, &printed).map_or(Ok(()), |(number, wanted, printed)| {
        println!("{expected}:{number}\n  expected: {wanted:?}\n  printed:  {printed:?}");
        println!("if the change is meant: {line} > {expected}");
        Err(format!("`{line}` prints something else than {expected}:{number}"))
    })
}

/// The number of the first line that differs, and that line of both texts; a text that has ended gives an empty line.
fn first_difference<'a>(left: &'a str, right: &'a str) -> Option<(usize, &'a str, &'a str)> {
    if left == right {
        return None;
    }
    let lines = |text: &'a str| text.split_inclusive('\n');
    let equal = lines(left).zip(lines(right)).take_while(|(left, right)| left == right).count();
    let line = |text| lines(text).nth(equal).unwrap_or("");
    Some((equal + 1, line(left), line(right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("", ""), None);
    }

    #[test]
    fn the_first_line_that_differs_is_found() {
        assert_eq!(first_difference("a\nb\nc\n", "a\nx\nc\n"), Some((2, "b\n", "x\n")));
    }

    #[test]
    fn a_missing_line_and_a_missing_line_end_are_differences() {
        assert_eq!(first_difference("a\nb\n", "a\n"), Some((2, "b\n", "")));
        assert_eq!(first_difference("a\n", "a"), Some((1, "a\n", "a")));
    }
}
