//! Runs the command and compares what it prints.

#![allow(dead_code, reason = "every test file uses a part")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// `linkbus recordings`, in the folder of the fixtures.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = linkbus();
    command.arg("recordings").args(arguments);
    command
}

/// `linkbus`, in the folder of the fixtures.
pub(crate) fn linkbus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkbus"));
    command.current_dir(folder("fixtures"));
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub(crate) fn run_with_stdin(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child =
        command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(run(arguments).stdout).unwrap()
}

pub(crate) fn code(arguments: &[&str]) -> i32 {
    run(arguments).status.code().unwrap()
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(folder("fixtures").join(name)).unwrap()
}

/// Compares all that the command prints with `tests/expected/{name}.txt`. `BLESS=1` writes that anew; read it before it is
/// committed.
pub(crate) fn assert_output(name: &str, arguments: &[&str]) {
    let Output { status, stdout, stderr } = run(arguments);
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    let command = arguments.join(" ");
    let printed = format!(
        "$ linkbus recordings {command}\n{stdout}--- standard error\n{stderr}--- exit code {}\n",
        status.code().unwrap()
    );
    let path = folder("expected").join(name).with_extension("txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(printed == expected, "{name} is not as expected; if that is right, run this with BLESS=1:\n{printed}");
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}
