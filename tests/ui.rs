//! What the compiler says: every mistake has its message, and every legal form compiles without a word.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the messages down; read them aloud before committing them.

#[test]
fn the_compiler_says_the_right_thing() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui-tests/pass/*.rs");
    cases.compile_fail("ui-tests/fail/*.rs");
}
