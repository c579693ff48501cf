//! What a `send` takes in the profiles release, thin LTO and fat LTO, with the feature `strict-link` and without, and what it takes
//! through medi-rs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::kept::Table;
use crate::command::CommandLine;
use crate::instructions::compiler;
use crate::step::{Outcome, Unmet};

const TABLE: Table = Table { name: "profiles", page: "docs/strict_link.md" };

const PROFILES: [(&str, &str); 3] = [("release", "release"), ("thin", "thin LTO"), ("fat", "fat LTO")];

/// The line of the table, what it counts, and the direct call beside it.
const ROWS: &[(&str, &str, &str)] = &[
    ("`SyncBus`, plain `fn`", "SyncBus::send, leaf handler", "SyncBus::send, leaf handler, direct"),
    ("the same with a dependency", "SyncBus::send, dependency", "SyncBus::send, dependency, direct"),
    ("`Bus`, plain `fn`", "Bus::send, sync leaf handler", "Bus::send, sync leaf handler, direct"),
    ("the same with a dependency", "Bus::send, sync, dependency", "Bus::send, sync, dependency, direct"),
    ("`Bus`, `async fn` that is ready", "Bus::send, async fn, leaf", "Bus::send, async fn, leaf, direct"),
    ("the same with a dependency", "Bus::send, async fn, dependency", "Bus::send, async fn, dependency, direct"),
    ("medi-rs, `async fn` that is ready", "medi-rs, async fn, leaf", "Bus::send, async fn, leaf, direct"),
    ("the same with a dependency", "medi-rs, async fn, dependency", "Bus::send, async fn, dependency, direct"),
];

/// Instructions by the names of what was counted.
type Counts = BTreeMap<String, f64>;

/// What was counted in one profile.
struct Counted {
    plain: Counts,
    strict: Counts,
}

pub(super) fn run() -> Outcome {
    if !CommandLine::new("valgrind", "--version").works() {
        return Err(Unmet::Skipped("needs valgrind".to_owned()));
    }
    let counted = PROFILES
        .map(|(profile, _)| Ok::<_, String>(Counted { plain: count(profile, "")?, strict: count(profile, "strict")? }));
    let [release, thin, fat] = counted;
    let rows = table(&[release?, thin?, fat?])?;
    let how = format!("Instructions of a `send`, as `cargo xtask bench profiles` counts them; rustc {}.", compiler()?);
    TABLE.keep(&rows, &how)?;
    Ok(String::new())
}

fn count(profile: &str, features: &str) -> Result<Counts, String> {
    let package = "--manifest-path benches/peers/profiles/Cargo.toml";
    let line = CommandLine::cargo(&format!("run {package} --profile {profile} --features"));
    let printed = line.with_argument(features).read()?;
    let value: BTreeMap<String, f64> = serde_json::from_str(&printed).map_err(|error| format!("no counts: {error}"))?;
    Ok(value)
}

/// medi-rs knows no `strict-link`: its counts beside it are those of the same program.
fn table(counted: &[Counted; 3]) -> Result<String, String> {
    let mut table = String::from("| `send` to |");
    for (_, title) in PROFILES {
        let _ = write!(table, " {title}: direct | bus | strict |");
    }
    table += "\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    for (title, name, direct) in ROWS {
        let _ = write!(table, "| {title} |");
        for Counted { plain, strict } in counted {
            let [direct, bus, strict] =
                [(plain, *direct), (plain, *name), (strict, *name)].map(|(counts, name)| of(counts, name));
            let _ = write!(table, " {:.0} | {:.0} | {:.0} |", direct?, bus?, strict?);
        }
        table.push('\n');
    }
    Ok(table)
}

fn of(counts: &Counts, name: &str) -> Result<f64, String> {
    counts.get(name).copied().ok_or_else(|| format!("`{name}` was not counted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(all: f64) -> Counted {
        let names = ROWS.iter().flat_map(|(_, name, direct)| [*name, *direct]);
        let counts: Counts = names.map(|name| (name.to_owned(), all)).collect();
        Counted { plain: counts.clone(), strict: counts }
    }

    #[test]
    fn each_profile_has_three_columns() {
        let table = table(&[counted(1.0), counted(2.0), counted(3.0)]).unwrap();
        assert!(table.lines().nth(2).unwrap().ends_with("| 1 | 1 | 1 | 2 | 2 | 2 | 3 | 3 | 3 |"), "{table}");
    }

    #[test]
    fn what_was_not_counted_is_named() {
        let nothing = || Counted { plain: Counts::new(), strict: Counts::new() };
        assert!(table(&[nothing(), nothing(), nothing()]).unwrap_err().contains("SyncBus::send"));
    }
}
