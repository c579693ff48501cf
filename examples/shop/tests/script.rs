//! The program with `--script`, as a newcomer runs it.

use std::{
    path::Path,
    process::{Command, Output},
};

fn shop(arguments: &[&str]) -> Output {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(env!("CARGO_BIN_EXE_shop")).args(arguments).current_dir(workspace).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_demo_prints_what_is_checked_in_on_every_run() {
    for _ in 0..3 {
        let output = shop(&["--script", "examples/shop/demo.jsonl"]);
        assert!(output.status.success());
        assert_eq!(printed(&output), include_str!("../demo.out"));
        assert_eq!(said(&output), "");
    }
}

#[test]
fn bad_lines_are_reported_with_their_place_and_the_others_run() {
    let output = shop(&["--script", "examples/shop/bad.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(printed(&output), include_str!("../bad.out"));
    assert_eq!(said(&output), "shop: 13 lines of examples/shop/bad.jsonl could not be carried out\n");
}

#[test]
fn bytes_that_are_no_text_are_one_bad_line() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.jsonl");
    std::fs::write(&script, b"{\"GetUser\": {\"id\": \"\xff\"}}\r\n{\"ListArticles\": {}}").unwrap();
    let output = shop(&["--script", script.to_str().unwrap()]);
    assert!(printed(&output).contains("script.jsonl:1:"), "{}", printed(&output));
    assert!(printed(&output).ends_with("2: ListArticles\n  []\n"), "{}", printed(&output));
}

#[test]
fn data_in_a_file_outlives_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.sqlite");
    let run = || shop(&["--script", "examples/shop/demo.jsonl", "--db", file.to_str().unwrap()]);
    assert_eq!(printed(&run()), include_str!("../demo.out"));
    let again = printed(&run());
    assert!(again.starts_with("1: RegisterUser ada\n  refused: there is a user `ada` already\n"), "{again}");
}

#[test]
fn a_script_that_is_not_there_and_a_file_that_is_no_database_are_named() {
    let missing = shop(&["--script", "nowhere.jsonl"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).starts_with("shop: nowhere.jsonl: "), "{}", said(&missing));
    let no_database = shop(&["--script", "examples/shop/demo.jsonl", "--db", "Cargo.toml"]);
    assert!(said(&no_database).starts_with("shop: cannot open the database Cargo.toml: "), "{}", said(&no_database));
}

#[test]
fn the_wiring_names_messages_handlers_and_places() {
    let wiring = printed(&shop(&["--wiring"]));
    let order = wiring.lines().skip_while(|line| !line.contains("contracts.PlaceOrder"));
    let lines: Vec<_> = order.take(2).collect();
    assert!(lines[0].starts_with("command contracts.PlaceOrder"), "{wiring}");
    assert!(lines[1].contains("-> place_order") && lines[1].contains("placing.rs:"), "{wiring}");
}

#[test]
fn one_thing_is_asked_for() {
    assert_eq!(shop(&[]).status.code(), Some(2));
    assert_eq!(shop(&["--wiring", "--serve", "127.0.0.1:0"]).status.code(), Some(2));
}
