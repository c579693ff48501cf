//! What the core of linkbus depends on.

use std::process::Command;

/// What one has to install, link or run to talk to other processes, or to run futures.
const NOT_IN_THE_CORE: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "zmq",
    "zeromq",
    "async-nats",
    "rdkafka",
    "lapin",
    "redis",
    "axum",
    "hyper",
    "tonic",
];

/// The crates that `package` is built from without its features.
fn dependencies(package: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "-e", "normal", "--no-default-features", "--prefix", "none", "--format", "{p}"])
        .args(["-p", package])
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("cargo writes UTF-8");
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// X13: the core has no transport, no broker and no runtime in it: those are crates of their own.
#[test]
fn the_core_depends_on_no_transport_and_no_runtime() {
    for package in ["bus-core", "linkbus"] {
        let dependencies = dependencies(package);
        assert!(dependencies.iter().any(|name| name == "linkme"), "{package}: {dependencies:?}");
        let unwanted: Vec<_> = dependencies.iter().filter(|name| NOT_IN_THE_CORE.contains(&name.as_str())).collect();
        assert!(unwanted.is_empty(), "{package} depends on {unwanted:?}");
    }
}
