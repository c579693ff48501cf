//! The combinations of features that the other steps do not see: `clippy` takes all features at once, `test` the default
//! ones.

use crate::command::{CommandLine, run_all};
use crate::step::Outcome;

/// Arguments for cargo. `clippy` rather than `check`, because there warnings can be errors.
///
/// Without default features only the libraries are taken: tests and examples may need what is switched off.
const COMBINATIONS: &[&str] = &[
    "clippy --workspace --all-targets -- -D warnings",
    "clippy -p bus-core --no-default-features --lib -- -D warnings",
    "clippy -p linkbus --no-default-features --lib -- -D warnings",
    "clippy -p bus-core --no-default-features --features metrics --lib -- -D warnings",
    "test -p linkbus --features inventory --tests --no-fail-fast",
    "test -p linkbus --features tower --test tower --no-fail-fast",
    "test -p linkbus -p bus-core --features linkbus/tower --doc tower",
    "test -p linkbus --features metrics --test metrics --no-fail-fast",
    "test -p linkbus -p bus-core --features linkbus/metrics --doc metrics",
    "test -p linkbus --features testing --test chaos --test coverage --test fakes --test journal --test stubs --test tracked --no-fail-fast",
    "test -p linkbus -p bus-core --features linkbus/testing --doc testing",
    "test -p linkbus --features transport --test envelopes --test inbox_redeliveries --test transport --test transport_depth --no-fail-fast",
    "test -p bus-core --features transport --lib transport --no-fail-fast",
    "test -p linkbus -p bus-core --features linkbus/transport --doc transport",
    "test -p linkbus-conformance --all-features --no-fail-fast",
    "test -p bus-zmq --features curve --test curve --no-fail-fast",
    "test -p bus-zmq --features curve --doc curve",
    "clippy -p linkbus -p bus-core --features linkbus/strict-link --lib -- -D warnings",
    "test -p linkbus -p bus-core --features linkbus/strict-link --doc without_handlers",
    "test -p linkbus --features strict-link --doc strict_link",
];

pub(super) fn run() -> Outcome {
    run_all(COMBINATIONS.iter().map(|arguments| CommandLine::cargo(arguments)))
}
