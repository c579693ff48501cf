//! How much a user of the core compiles and has to trust.

use std::collections::BTreeSet;

use crate::command::CommandLine;
use crate::step::Outcome;

/// Crates below `bus-core` with default features, `bus-core` itself included.
const MOST: usize = 35;

pub(super) fn run() -> Outcome {
    let tree = CommandLine::cargo("tree -e normal -p bus-core --prefix none").read()?;
    let crates = crates(&tree);
    for name in &crates {
        println!("{name}");
    }
    verdict(crates.len())
}

fn verdict(count: usize) -> Outcome {
    match count {
        0 => Err("cargo tree lists no crate".to_owned().into()),
        1..=MOST => Ok(format!("{count} crates, at most {MOST} allowed")),
        _ => Err(format!("{count} crates, at most {MOST} allowed").into()),
    }
}

/// Each name and version once; two versions of one crate are two crates to compile.
fn crates(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_once(' ')).map(|(name, rest)| name_and_version(name, rest)).collect()
}

fn name_and_version(name: &str, rest: &str) -> String {
    let version = rest.split(' ').next().unwrap_or_default();
    format!("{name} {version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_crates_are_counted_once() {
        let tree =
            "bus-core v0.1.0 (/somewhere)\nserde v1.0.2\nsyn v2.0.0 (proc-macro)\nsyn v2.0.0 (*)\nsyn v3.0.1\n\n";
        assert_eq!(Vec::from_iter(crates(tree)), ["bus-core v0.1.0", "serde v1.0.2", "syn v2.0.0", "syn v3.0.1"]);
    }

    #[test]
    fn the_budget_itself_is_allowed_and_one_more_is_not() {
        assert!(verdict(MOST).is_ok());
        assert!(verdict(MOST + 1).is_err());
    }

    #[test]
    fn an_empty_tree_is_not_a_success() {
        assert!(verdict(crates("").len()).is_err());
    }
}
