//! The rust-version that we declare: not below the floor, and true for everything that a user compiles.
//!
//! Manifests are compared everywhere; compiling with that very toolchain needs it installed. Without it, clippy's
//! `incompatible_msrv` still guards the use of the standard library.

use std::collections::BTreeSet;

use crate::command::CommandLine;
use crate::metadata::{Metadata, Package};
use crate::step::{Outcome, Unmet};
use crate::version::RustVersion;

/// Older compilers let some linkers drop registrations.
const FLOOR: RustVersion = RustVersion(1, 89, 0);

/// Dependencies that declare no version, and are known to need less than ours. The first two are traits and nothing else; the
/// third is for one target only, and comes with tokio's `net`, which the examples turn on and we do not. The last is of 2023,
/// for Windows, and comes with the progress bar of the command.
const SILENT: &[&str] = &["tower-layer", "tower-service", "wasi", "encode_unicode"];

/// ZeroMQ, of 2022, and what it is built with; they declare nothing either. Only `bus-zmq` needs them.
const ZEROMQ: &[&str] = &[
    "bitflags",
    "same-file",
    "smallvec",
    "system-deps",
    "target-lexicon",
    "walkdir",
    "winapi-util",
    "zeromq-src",
    "zmq",
    "zmq-sys",
];

/// Two traits of 2021, and what finds a library on Windows; they declare nothing either. Only `bus-sqlite` needs them, with `rusqlite`.
const SQLITE: &[&str] = &["fallible-iterator", "fallible-streaming-iterator", "vcpkg"];

/// What `async-nats` is built with, whose own version is declared: cryptography, random numbers, times. Only `bus-nats` needs them.
const NATS: &[&str] = &[
    "block-buffer",
    "core-foundation-sys",
    "cpufeatures",
    "crypto-common",
    "digest",
    "fiat-crypto",
    "generic-array",
    "getrandom",
    "nkeys",
    "rand",
    "rand_chacha",
    "rand_core",
    "serde_nanos",
    "sha2",
    "stable_deref_trait",
    "tryhard",
    "untrusted",
    "version_check",
    "zerocopy-derive",
];

/// What only the feature `curve` of `bus-zmq` needs, whose documentation asks for a newer Rust than the rest.
const CURVE: &[&str] = &[
    "arc-swap",
    "cfg_aliases",
    "curve25519-dalek-derive",
    "fanring",
    "lazy_static",
    "matchers",
    "omq-proto",
    "omq-shm",
    "omq-tokio",
    "redox_syscall",
    "scopeguard",
    "subtle",
    "yring",
];

/// What that feature asks for.
const FOR_CURVE: RustVersion = RustVersion(1, 93, 0);

/// The package that is compiled with its declared toolchain.
const FACADE: &str = "linkbus";

pub(super) fn run() -> Outcome {
    let workspace = Metadata::read()?;
    report(&faults(&workspace))?;
    check_with_toolchain(facade_version(&workspace)?)
}

fn report(faults: &BTreeSet<String>) -> Result<(), Unmet> {
    for fault in faults {
        println!("{fault}");
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("{} fault(s), listed above", faults.len()).into()) }
}

/// All that is wrong, each once, although several packages share their dependencies.
fn faults(workspace: &Metadata) -> BTreeSet<String> {
    workspace.published().flat_map(|(package, needed)| faults_of(package, &needed)).collect()
}

fn faults_of(package: &Package, needed: &[&Package]) -> Vec<String> {
    match declared(package) {
        Err(fault) => vec![fault],
        Ok(ours) if ours < FLOOR => {
            vec![format!("{} declares rust-version {ours}, at least {FLOOR} is needed", package.name)]
        }
        Ok(ours) => needed.iter().filter_map(|theirs| too_new(theirs, ours)).collect(),
    }
}

fn too_new(dependency: &Package, ours: RustVersion) -> Option<String> {
    let ours = if CURVE.contains(&&*dependency.name) { FOR_CURVE.max(ours) } else { ours };
    match declared(dependency) {
        Err(_) if [SILENT, ZEROMQ, SQLITE, NATS, CURVE].concat().contains(&&*dependency.name) => None,
        Err(fault) => Some(fault),
        Ok(theirs) => (theirs > ours)
            .then(|| format!("{} {} needs Rust {theirs}, we declare {ours}", dependency.name, dependency.version)),
    }
}

fn declared(package: &Package) -> Result<RustVersion, String> {
    let text = package.rust_version.as_deref();
    let text = text.ok_or_else(|| format!("{} {} declares no rust-version", package.name, package.version))?;
    RustVersion::parse(text).ok_or_else(|| format!("{} declares the rust-version `{text}`", package.name))
}

fn facade_version(workspace: &Metadata) -> Result<RustVersion, String> {
    let facade = workspace.published().map(|(package, _)| package).find(|package| package.name == FACADE);
    declared(facade.ok_or_else(|| format!("{FACADE} is not a published package of the workspace"))?)
}

fn check_with_toolchain(version: RustVersion) -> Outcome {
    match installed_toolchain(version) {
        None => {
            Ok(format!("manifests compared; NOT compiled with {version}: `rustup toolchain install {version}` first"))
        }
        Some(name) => {
            CommandLine::cargo(&format!("+{name} check -p {FACADE} --all-features")).run()?;
            Ok(format!("manifests compared, {FACADE} compiled with {name}"))
        }
    }
}

fn installed_toolchain(version: RustVersion) -> Option<String> {
    let list = CommandLine::new("rustup", "toolchain list").read().ok()?;
    list.lines().find_map(|line| matching_channel(line, version)).map(String::from)
}

/// The channel of a line of `rustup toolchain list` (`1.89.0` of `1.89.0-x86_64-unknown-linux-gnu (active)`).
fn matching_channel(line: &str, version: RustVersion) -> Option<&str> {
    let channel = line.split(['-', ' ']).next()?;
    (RustVersion::parse(channel) == Some(version)).then_some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::{package, sample};

    #[test]
    fn newer_and_undeclared_dependencies_are_faults_and_those_of_tests_are_not() {
        let expected = ["deep 1.0.0 declares no rust-version", "dep 1.0.0 needs Rust 1.90, we declare 1.89"];
        assert_eq!(Vec::from_iter(faults(&sample())), expected);
    }

    #[test]
    fn a_version_below_the_floor_is_a_fault() {
        assert_eq!(faults_of(&package("1.88.9"), &[]).len(), 1);
        assert!(faults_of(&package("1.89"), &[]).is_empty());
    }

    #[test]
    fn only_exactly_the_declared_toolchain_matches() {
        let matching = |line| matching_channel(line, FLOOR);
        assert_eq!(matching("1.89-x86_64-unknown-linux-gnu"), Some("1.89"));
        assert_eq!(matching("1.89.0-x86_64-unknown-linux-gnu (active)"), Some("1.89.0"));
        assert_eq!(matching("1.89.1-x86_64-unknown-linux-gnu"), None);
        assert_eq!(matching("stable-x86_64-unknown-linux-gnu (active, default)"), None);
    }
}
