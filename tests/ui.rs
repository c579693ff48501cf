//! What the compiler says: every mistake has its message, and every legal form compiles without a word.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the messages down; read them aloud before committing them.

use std::{
    env,
    io::{self, Write},
    process::Command,
};

/// The compiler whose words are written down: each words its errors a little differently.
const WORDED_BY: &str = "rustc 1.95.";

#[test]
fn the_compiler_says_the_right_thing() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui-tests/pass/*.rs");
    let compiler = compiler();
    if compiler.starts_with(WORDED_BY) {
        cases.compile_fail("ui-tests/fail/*.rs");
    } else {
        let notice =
            format!("notice: ui-tests/fail was not run: it has the words of {WORDED_BY}x, and this is {compiler}\n");
        // Not a macro: what those print is kept back.
        io::stderr().write_all(notice.as_bytes()).expect("the error output is open");
    }
}

fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("cargo has found the compiler");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
