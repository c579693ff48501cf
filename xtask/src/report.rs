//! The texts: the list of steps, the table at the end, and its last line.

use std::time::Duration;

use crate::step::{Outcome, Step, Unmet};

/// What became of one step.
pub(crate) struct Line {
    pub(crate) step: &'static str,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

/// One line per step: its name and its sentence.
pub(crate) fn list(steps: &[Step]) -> String {
    let width = steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
    let rows: Vec<String> = steps.iter().map(|step| format!("{:width$}  {}\n", step.name, step.about)).collect();
    rows.concat()
}

/// One line per step, then the counts.
pub(crate) fn table(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.step.len()).max().unwrap_or(0);
    let rows = lines.iter().map(|line| format!("{:width$}  {}\n", line.step, verdict(line)));
    rows.chain([counts(lines)]).collect()
}

/// The time and how the step ended.
pub(crate) fn verdict(line: &Line) -> String {
    let seconds = line.took.as_secs_f64();
    match &line.outcome {
        Ok(remark) if remark.is_empty() => format!("{seconds:6.1} s  ok"),
        Ok(remark) => format!("{seconds:6.1} s  ok: {remark}"),
        Err(Unmet::Failed(reason)) => format!("{seconds:6.1} s  FAILED: {reason}"),
        Err(Unmet::Skipped(reason)) => format!("{seconds:6.1} s  skipped: {reason}"),
    }
}

pub(crate) fn has_failure(lines: &[Line]) -> bool {
    lines.iter().any(|line| matches!(line.outcome, Err(Unmet::Failed(_))))
}

fn counts(lines: &[Line]) -> String {
    let count = |holds: fn(&Outcome) -> bool| lines.iter().filter(|line| holds(&line.outcome)).count();
    let passed = count(Result::is_ok);
    let failed = count(|outcome| matches!(outcome, Err(Unmet::Failed(_))));
    let skipped = count(|outcome| matches!(outcome, Err(Unmet::Skipped(_))));
    format!("{passed} passed, {failed} failed, {skipped} skipped\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: &'static str, tenths: u64, outcome: Outcome) -> Line {
        Line { step, took: Duration::from_millis(tenths * 100), outcome }
    }

    #[test]
    fn the_table_is_aligned_and_ends_with_the_counts() {
        let lines = [
            line("fmt", 4, Ok(String::new())),
            line("budget", 1234, Ok("10 crates".into())),
            line("test", 20, Err(Unmet::Failed("`cargo test`: exit status: 101".into()))),
            line("miri", 0, Err(Unmet::Skipped("not installed".into()))),
        ];
        let expected = "\
fmt        0.4 s  ok
budget   123.4 s  ok: 10 crates
test       2.0 s  FAILED: `cargo test`: exit status: 101
miri       0.0 s  skipped: not installed
2 passed, 1 failed, 1 skipped
";
        assert_eq!(table(&lines), expected);
    }

    #[test]
    fn a_skipped_step_is_not_a_failure() {
        assert!(!has_failure(&[line("miri", 0, Err(Unmet::Skipped(String::new())))]));
        assert!(has_failure(&[line("fmt", 0, Ok(String::new())), line("test", 0, Err(Unmet::Failed(String::new())))]));
    }
}
