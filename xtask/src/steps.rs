//! The steps, in the order in which they run.

mod budget;
mod docs;
mod examples;
mod features;
mod instructions;
mod interop;
mod linking;
mod lint;
mod miri;
mod msrv;
mod nats;
mod peers;
mod test;

use crate::step::Step;

pub(crate) const ALL: &[Step] = &[
    Step { name: "fmt", about: "The code is formatted as rustfmt writes it.", run: lint::fmt },
    Step { name: "clippy", about: "No compiler or clippy warning, with all features and targets.", run: lint::clippy },
    Step { name: "docs", about: "The public documentation builds without a warning.", run: docs::run },
    Step { name: "test", about: "Every test and doc test passes with default features.", run: test::run },
    Step {
        name: "linking",
        about: "Nothing is lost with thin and fat LTO, and nothing missing is linked.",
        run: linking::run,
    },
    Step {
        name: "features",
        about: "Other feature combinations build without a warning and work.",
        run: features::run,
    },
    Step { name: "examples", about: "The example programs print what is checked in.", run: examples::run },
    Step {
        name: "interop",
        about: "A program in Python and one in Rust talk over bus-zmq (needs Python 3 with venv).",
        run: interop::run,
    },
    Step {
        name: "nats",
        about: "bus-nats keeps its promises at an old and a current server (fetches them with apt and pip).",
        run: nats::run,
    },
    Step {
        name: "instructions",
        about: "A dispatch takes at most 5 % more instructions than was accepted, and writes to its stack only (needs valgrind).",
        run: instructions::run,
    },
    Step {
        name: "peers",
        about: "benches/peers, a workspace of its own, has no warning, and each peer does its work.",
        run: peers::run,
    },
    Step { name: "budget", about: "bus-core pulls in few crates.", run: budget::run },
    Step { name: "msrv", about: "The declared rust-version is true for us and for what we depend on.", run: msrv::run },
    Step { name: "miri", about: "Miri finds no undefined behaviour (needs nightly with Miri).", run: miri::run },
];

/// The named steps in the order of the table; all of them if there is no name.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Step>, String> {
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|step| step.name != **name)) {
        return Err(format!("`{unknown}` is not a step; `cargo xtask list` lists them"));
    }
    Ok(ALL.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(names: &[&str]) -> Result<Vec<&'static str>, String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        select(&names).map(|steps| steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn no_name_selects_every_step() {
        assert_eq!(selected(&[]).unwrap().len(), ALL.len());
    }

    #[test]
    fn names_select_in_the_order_of_the_table() {
        assert_eq!(selected(&["test", "fmt"]).unwrap(), ["fmt", "test"]);
    }

    #[test]
    fn an_unknown_name_is_refused_before_anything_runs() {
        assert!(selected(&["fmt", "lint"]).unwrap_err().contains("`lint`"));
    }
}
