//! A command line: shown before it is run, so that a reader of the log can repeat it by hand.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::failures::Failures;
use crate::step::Outcome;

pub(crate) struct CommandLine {
    environment: Vec<(&'static str, String)>,
    program: String,
    arguments: Vec<String>,
}

impl CommandLine {
    /// `program` with arguments that hold no blanks.
    pub(crate) fn new(program: impl Into<String>, arguments: &str) -> Self {
        let arguments = arguments.split_whitespace().map(String::from).collect();
        Self { environment: Vec::new(), program: program.into(), arguments }
    }

    pub(crate) fn cargo(arguments: &str) -> Self {
        Self::new("cargo", arguments)
    }

    /// One more argument, with whatever it holds.
    pub(crate) fn with_argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn with_env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn with_path_env(mut self, name: &'static str, path: &Path) -> Self {
        self.environment.push((name, path.display().to_string()));
        self
    }

    pub(crate) fn with_paths<const N: usize>(self, paths: [&Path; N]) -> Self {
        paths.into_iter().fold(self, |line, path| line.with_argument(path.display().to_string()))
    }

    /// Runs it with the output going to the user; an error repeats what the tests that failed have printed.
    pub(crate) fn run(&self) -> Result<(), String> {
        println!("$ {self}");
        let (status, failures) = self.watch().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{self}`: {status}{failures}")) }
    }

    fn watch(&self) -> std::io::Result<(ExitStatus, Failures)> {
        let mut child = self.command().stdout(Stdio::piped()).spawn()?;
        let mut failures = Failures::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                failures.read(&line);
            }
        }
        Ok((child.wait()?, failures))
    }

    /// Runs it and returns what it printed; its errors go to the user.
    pub(crate) fn read(&self) -> Result<String, String> {
        println!("$ {self}");
        let output = self.command().stderr(Stdio::inherit()).output().map_err(|error| self.not_started(&error))?;
        if !output.status.success() {
            return Err(format!("`{self}`: {}", output.status));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("`{self}` printed something that is not UTF-8"))
    }

    /// Whether it can be run here at all; says nothing to the user.
    pub(crate) fn works(&self) -> bool {
        let status = self.command().stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The cargo that runs xtask announces itself in `CARGO`; a nested `cargo +toolchain` must not take it for its own.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env_remove("CARGO")
            .stdin(Stdio::null());
        command
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        format!("`{self}` could not be started: {error}")
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}='{value}' ")?;
        }
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| {
            if argument.contains(' ') { write!(f, " '{argument}'") } else { write!(f, " {argument}") }
        })
    }
}

/// Runs every line, also after one that failed.
pub(crate) fn run_all(lines: impl IntoIterator<Item = CommandLine>) -> Outcome {
    all(lines.into_iter().map(|line| line.run()))
}

/// Takes every result, also after one that failed, and reports all failures as one.
pub(crate) fn all(results: impl IntoIterator<Item = Result<(), String>>) -> Outcome {
    let failures: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if failures.is_empty() { Ok(String::new()) } else { Err(failures.join("; ").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::Unmet;

    #[test]
    fn a_line_is_shown_as_it_would_be_typed() {
        let line = CommandLine::cargo("doc --no-deps").with_env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn an_argument_with_blanks_is_shown_as_one() {
        let line = CommandLine::cargo("run --").with_argument("cannot: no").with_paths([Path::new("a.json")]);
        assert_eq!(line.to_string(), "cargo run -- 'cannot: no' a.json");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let line = CommandLine::new("no-such-program", "--version");
        assert!(!line.works());
        assert!(line.run().unwrap_err().contains("could not be started"));
    }

    #[test]
    fn all_failures_are_reported() {
        let results = [Err("one".to_owned()), Ok(()), Err("two".to_owned())];
        assert_eq!(all(results), Err(Unmet::Failed("one; two".to_owned())));
    }
}
