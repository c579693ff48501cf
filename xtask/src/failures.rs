//! What the tests that failed have printed, found in the output of a test runner: it is repeated at the end of a run,
//! where a reader looks first.

use std::fmt;

/// So much is repeated; the whole is further up.
const MOST_LINES: usize = 60;

/// Reads the output line by line.
#[derive(Default)]
pub(crate) struct Failures {
    lines: Vec<String>,
    left_out: usize,
    is_inside: bool,
}

impl Failures {
    /// The test runner prints what failed between the heading `failures:` and its closing line. Test programs with a `main` of their
    /// own have no such section: of them it is the lines that say so.
    pub(crate) fn read(&mut self, line: &str) {
        match line.trim_end() {
            "failures:" => self.is_inside = true,
            line if line.starts_with("test result:") => self.is_inside = false,
            "" => {}
            line if self.is_inside || line.ends_with("... FAILED") => self.keep(line),
            _ => {}
        }
    }

    fn keep(&mut self, line: &str) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(line.to_owned());
        } else {
            self.left_out += 1;
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            write!(f, "\n    {line}")?;
        }
        if self.left_out > 0 {
            write!(f, "\n    ... and {} lines more, see above", self.left_out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> String {
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.read(line));
        failures.to_string()
    }

    #[test]
    fn what_failed_is_kept_and_what_passed_is_not() {
        let output = "\
running 2 tests
test works ... ok
test fails ... FAILED

failures:

---- fails stdout ----
assertion failed: left == right

failures:
    fails

test result: FAILED. 1 passed; 1 failed
     Running tests/other.rs
test more ... ok
";
        let kept = "\n    test fails ... FAILED\n    ---- fails stdout ----\n    assertion failed: left == right\n        fails";
        assert_eq!(read(output), kept);
    }

    #[test]
    fn a_run_without_failures_has_nothing_to_repeat() {
        assert_eq!(read("running 1 test\ntest works ... ok\n\ntest result: ok. 1 passed\n"), "");
    }

    #[test]
    fn much_is_cut_and_the_cut_is_counted() {
        let output = format!("failures:\n{}", "line\n".repeat(MOST_LINES + 3));
        assert!(read(&output).ends_with("... and 3 lines more, see above"));
    }
}
