//! T8: what a message holds forges no line and commands no terminal.

mod support;

use support::{assert_output, run, run_with_stdin};

const COMMANDS: [&[&str]; 8] = [
    &["show", "hostile.jsonl"],
    &["show", "hostile.jsonl", "--payload", "--ids"],
    &["show", "hostile.jsonl", "--json"],
    &["stats", "hostile.jsonl"],
    &["stats", "hostile.jsonl", "--json"],
    &["replay-plan", "hostile.jsonl"],
    &["replay-plan", "hostile.jsonl", "--json"],
    &["show", "missing\u{1b}[31m\u{202e}.jsonl"],
];

/// Written anew here, so that a character that the command forgets is not forgotten by its test.
fn is_harmless(char: char) -> bool {
    const BIDI: &str =
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    const HIDDEN: &str = "\u{200b}\u{2028}\u{2029}\u{2060}\u{feff}\u{e0001}\u{e0041}";
    char == '\n' || !char.is_control() && !BIDI.contains(char) && !HIDDEN.contains(char)
}

#[test]
fn nothing_that_a_terminal_acts_upon_is_printed() {
    for command in COMMANDS {
        let printed = run(command);
        for text in [printed.stdout, printed.stderr].map(|text| String::from_utf8(text).unwrap()) {
            assert!(text.chars().all(is_harmless), "{command:?}: {text:?}");
        }
    }
}

#[test]
fn each_record_is_one_line() {
    for command in &COMMANDS[..3] {
        assert_eq!(support::stdout(command).split_terminator('\n').count(), 2, "{command:?}");
    }
}

#[test]
fn what_was_made_harmless_is_seen() {
    assert_output("show_hostile", &["show", "hostile.jsonl", "--payload"]);
}

#[test]
fn json_that_was_made_harmless_says_the_same() {
    let value = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).unwrap();
    let shown = run(&["show", "hostile.jsonl", "--json"]).stdout;
    let before = support::fixture("hostile.jsonl");
    let [shown, before] = [&shown, &before].map(|text| value(text.split(|byte| *byte == b'\n').next().unwrap()));
    assert_eq!(shown, before);
}

#[test]
fn every_character_is_harmless_wherever_it_stands() {
    let text: String = (0..=0x10_ffff).filter_map(char::from_u32).filter(|char| !is_harmless(*char)).collect();
    let text = serde_json::to_string(&text).unwrap();
    let line = format!(
        r#"{{"ts":"2025-06-01T12:00:00Z","type":"event","class":{text},"payload":{text},"duration_ns":1,"result":null,"error":{text}}}"#
    );
    for command in [&["show", "-", "--payload"][..], &["show", "-", "--json"], &["stats", "-"], &["replay-plan", "-"]] {
        let shown = String::from_utf8(run_with_stdin(command, line.as_bytes()).stdout).unwrap();
        assert!(shown.contains("u{202e}") || shown.contains("u202e"), "{shown}");
        assert!(shown.chars().all(is_harmless), "{command:?}");
    }
}
