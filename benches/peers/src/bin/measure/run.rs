//! Where and how it is measured.

use std::{env, fs, process::Command, thread};

use linkbus_peers::results::Run;

pub(crate) fn run() -> Run {
    Run {
        machine: machine(),
        compiler: said("rustc", &["--version"]).unwrap_or_else(|| "an unknown compiler".to_owned()),
        profile: profile(env::vars()),
        date: time::OffsetDateTime::now_utc().date().to_string(),
        commit: commit(),
    }
}

fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or("an unknown processor", |(_, name)| name);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {threads} threads, {} {}", env::consts::OS, env::consts::ARCH)
}

fn commit() -> String {
    let Some(commit) = said("git", &["rev-parse", "--short=10", "HEAD"]) else { return "an unknown commit".to_owned() };
    match said("git", &["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

/// `None` if it cannot be run, or fails.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What the variables of cargo change in the profile of release, from which that of criterion inherits, and in the flags of
/// the compiler.
fn profile(variables: impl Iterator<Item = (String, String)>) -> String {
    let changes = variables.filter(|(name, value)| changes_code(name) && !value.is_empty());
    let mut changes: Vec<String> = changes.map(|(name, value)| format!("{name}={value}")).collect();
    changes.sort();
    if changes.is_empty() {
        return "release as cargo has it: opt-level 3, no LTO between crates, 16 units".to_owned();
    }
    format!("release with {}", changes.join(" "))
}

fn changes_code(name: &str) -> bool {
    let is_of_profile = ["RELEASE", "BENCH"].iter().any(|it| name.starts_with(&format!("CARGO_PROFILE_{it}_")));
    is_of_profile || name.ends_with("RUSTFLAGS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> String {
        profile(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn flags_of_the_compiler_are_told() {
        assert!(of(&[("RUSTFLAGS", "-C target-cpu=native")]).ends_with("RUSTFLAGS=-C target-cpu=native"));
        assert!(of(&[("CARGO_PROFILE_RELEASE_LTO", "fat")]).ends_with("CARGO_PROFILE_RELEASE_LTO=fat"));
    }

    #[test]
    fn what_changes_no_code_is_not_told() {
        let plain = of(&[]);
        assert_eq!(of(&[("RUSTFLAGS", ""), ("CARGO_PROFILE_DEV_DEBUG", "1"), ("HOME", "/")]), plain);
    }
}
