//! linkbus beside its peers: criterion measures, `measure` counts, and `report` writes the tables and the chart.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::args::Care;
use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

const MANIFEST: &str = "--manifest-path benches/peers/Cargo.toml";

/// The file of the Python reference's benchmark; it prints nanoseconds, or says why it cannot.
const REFERENCE: &str = "benches/peers/python/readme_benchmark.py";

pub(super) fn run(care: &Care) -> Outcome {
    let (folder, results) = (folder(), care.results());
    let (plain, strict) = (folder.join("plain.json"), folder.join("strict.json"));
    measure(care, None, &plain)?;
    measure(care, Some("strict"), &strict)?;
    let report = CommandLine::cargo(&format!("run --release {MANIFEST} --bin report --"));
    report.with_paths([&results, &plain, &strict]).with_argument(reference()).run()?;
    println!("wrote peers.json, peers.md and peers.svg into {}", results.display());
    care.publish()
}

/// The feature `strict-link` holds for a whole program, so each run has one program with it and one without.
fn measure(care: &Care, feature: Option<&str>, file: &Path) -> Result<(), String> {
    let features = features([feature, care.feature()]);
    let criterion = file.with_extension("criterion");
    let flags = care.flags();
    forget(&criterion)?;
    CommandLine::cargo(&format!("bench {MANIFEST} {features} --bench peers -- {flags}"))
        .with_path_env("CRITERION_HOME", &criterion)
        .run()?;
    let collect = CommandLine::cargo(&format!("run --release {MANIFEST} {features} --bin measure --"));
    collect.with_paths([file, &criterion]).run()
}

/// What an earlier run has left in the folder is no figure of this one.
fn forget(criterion: &Path) -> Result<(), String> {
    match fs::remove_dir_all(criterion) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{}: {error}", criterion.display())),
        _ => Ok(()),
    }
}

/// The option of cargo, if there is a feature.
fn features(named: [Option<&str>; 2]) -> String {
    let named: Vec<&str> = named.into_iter().flatten().collect();
    if named.is_empty() { String::new() } else { format!("--features={}", named.join(",")) }
}

fn reference() -> String {
    let python = CommandLine::new("python3.11", REFERENCE);
    python.read().unwrap_or_else(|error| error)
}

/// Where what is between the programs is kept.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    std::path::absolute(&target).unwrap_or(target).join("peers")
}

impl Care {
    fn flags(&self) -> &'static str {
        match self {
            Care::Full => "",
            Care::Quick => "--warm-up-time 0.05 --measurement-time 0.1 --sample-size 10",
        }
    }

    /// 700 types take some minutes to compile.
    fn feature(&self) -> Option<&'static str> {
        match self {
            Care::Full => Some("many"),
            Care::Quick => None,
        }
    }

    /// Only a run with care is kept.
    fn results(&self) -> PathBuf {
        match self {
            Care::Full => PathBuf::from("benches/results"),
            Care::Quick => folder().join("results"),
        }
    }

    /// What is seen at a glance stands in the README, too.
    fn publish(&self) -> Outcome {
        let into = format!("run --release {MANIFEST} --bin report -- benches/results into README.md");
        match self {
            Care::Full => run_all([CommandLine::cargo(&into)]),
            Care::Quick => Ok(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_an_option_only_if_there_are_some() {
        assert_eq!(features([None, None]), "");
        assert_eq!(features([None, Some("many")]), "--features=many");
        assert_eq!(features([Some("strict"), Some("many")]), "--features=strict,many");
    }
}
