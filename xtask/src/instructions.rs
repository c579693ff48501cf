//! The instructions of the main paths, and those that were accepted: counts are the same on a busy machine, so a path that
//! grows is seen at once.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::command::CommandLine;
use crate::step::{Outcome, Unmet};

/// What was accepted, and with which compiler: another one writes other code.
const FILE: &str = "benches/results/instructions.json";

/// How much a path may grow, as a part of what was accepted.
const MARGIN: f64 = 0.05;

const ACCEPT: &str = "cargo xtask bench accept";

/// Instructions of one dispatch, by the name of its path.
type Counts = BTreeMap<String, f64>;

/// Compares with what was accepted, and looks where a dispatch writes.
pub(crate) fn check() -> Outcome {
    let accepted = Accepted::read()?;
    let toolchain = toolchain(&accepted.compiler)?;
    let outcome = compare(&accepted.counts, &count(&toolchain)?)?;
    CommandLine::cargo(&format!("{toolchain} test --release -p linkbus-benches --test stores")).run()?;
    Ok(outcome)
}

/// Keeps the counts of today, as whole numbers: what is behind the point is noise.
pub(crate) fn accept() -> Outcome {
    let counts: Counts = count("")?.into_iter().map(|(path, count)| (path, count.round())).collect();
    let file = json!({ "rustc": compiler()?, "instructions": counts });
    fs::write(FILE, format!("{file:#}\n")).map_err(|error| format!("{FILE}: {error}"))?;
    println!("wrote {FILE}");
    Ok(String::new())
}

fn compare(accepted: &Counts, today: &Counts) -> Outcome {
    let unknown = today.keys().filter(|path| !accepted.contains_key(*path)).map(|path| format!("`{path}` is new"));
    let known = accepted.iter().filter_map(|(path, old)| complaint(path, *old, today.get(path).copied()));
    let complaints: Vec<String> = known.chain(unknown).collect();
    if complaints.is_empty() {
        return Ok(format!("{} paths, none more than {} % over what was accepted", accepted.len(), MARGIN * 100.0));
    }
    Err(format!("{}; if this is meant: {ACCEPT}", complaints.join("; ")).into())
}

fn complaint(path: &str, old: f64, new: Option<f64>) -> Option<String> {
    let Some(new) = new else { return Some(format!("`{path}` is no more")) };
    (new > old * (1.0 + MARGIN)).then(|| format!("`{path}` took {old:.1} instructions and takes {new:.1}"))
}

/// What cargo is told, so that it takes the compiler of which the accepted counts are.
fn toolchain(accepted: &str) -> Result<String, Unmet> {
    let compiler = compiler()?;
    let named = format!("+{accepted}");
    if accepted == compiler {
        return Ok(String::new());
    }
    if CommandLine::cargo(&format!("{named} --version")).works() {
        return Ok(named);
    }
    Err(Unmet::Skipped(format!(
        "{FILE} is of Rust {accepted}, this is {compiler}: `rustup toolchain install {accepted}`, or `{ACCEPT}` counts anew"
    )))
}

fn count(toolchain: &str) -> Result<Counts, Unmet> {
    if !CommandLine::new("valgrind", "--version").works() {
        return Err(Unmet::Skipped("needs valgrind".to_owned()));
    }
    let printed =
        CommandLine::cargo(&format!("{toolchain} run --release -p linkbus-benches --bin instructions -- json"))
            .read()?;
    counts(&serde_json::from_str(&printed).map_err(|error| format!("the counts are not JSON: {error}"))?)
}

fn counts(value: &Value) -> Result<Counts, Unmet> {
    let counts = value.as_object().and_then(|paths| {
        paths.iter().map(|(path, count)| Some((path.clone(), count.as_f64()?))).collect::<Option<Counts>>()
    });
    counts.ok_or_else(|| Unmet::Failed("the counts are not numbers by the names of paths".to_owned()))
}

/// The version of the rustc that cargo takes by itself.
pub(crate) fn compiler() -> Result<String, String> {
    let printed = CommandLine::new("rustc", "--version").read()?;
    printed.split(' ').nth(1).map(str::to_owned).ok_or_else(|| format!("`{printed}` names no version of rustc"))
}

struct Accepted {
    compiler: String,
    counts: Counts,
}

impl Accepted {
    fn read() -> Result<Self, Unmet> {
        let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}; `{ACCEPT}` writes it"))?;
        let file: Value = serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
        let compiler = file["rustc"].as_str().unwrap_or_default().to_owned();
        Ok(Self { compiler, counts: counts(&file["instructions"])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted<const N: usize>(paths: [(&str, f64); N]) -> Counts {
        paths.map(|(path, count)| (path.to_owned(), count)).into()
    }

    fn failure(outcome: Outcome) -> String {
        match outcome {
            Err(Unmet::Failed(reason)) => reason,
            other => panic!("expected a failure: {other:?}"),
        }
    }

    #[test]
    fn growth_within_the_margin_is_allowed_and_more_is_not() {
        let accepted = counted([("send", 40.0)]);
        assert!(compare(&accepted, &counted([("send", 42.0)])).is_ok());
        assert!(compare(&accepted, &counted([("send", 42.1)])).is_err());
    }

    #[test]
    fn fewer_instructions_are_no_failure() {
        assert!(compare(&counted([("send", 40.0)]), &counted([("send", 20.0)])).is_ok());
    }

    #[test]
    fn a_failure_names_the_path_both_counts_and_the_command_that_accepts() {
        let reason = failure(compare(&counted([("send", 40.0)]), &counted([("send", 50.0)])));
        assert_eq!(reason, "`send` took 40.0 instructions and takes 50.0; if this is meant: cargo xtask bench accept");
    }

    #[test]
    fn a_path_that_is_new_or_gone_is_a_failure() {
        let reason = failure(compare(&counted([("old", 1.0)]), &counted([("new", 1.0)])));
        assert!(reason.contains("`old` is no more") && reason.contains("`new` is new"), "{reason}");
    }

    #[test]
    fn counts_that_are_no_numbers_are_refused() {
        assert!(counts(&json!({ "send": "many" })).is_err());
        assert!(counts(&json!([1])).is_err());
    }
}
