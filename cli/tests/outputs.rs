//! What is printed, whole.

mod support;

use std::fs;

use support::assert_output;

#[test]
fn records_are_shown_one_a_line() {
    assert_output("show", &["show", "shop.jsonl"]);
}

#[test]
fn payloads_and_ids_are_shown_where_they_are_asked_for() {
    assert_output("show_payload", &["show", "shop.jsonl", "--payload", "--ids", "--limit", "6"]);
}

#[test]
fn json_is_the_lines_of_the_file() {
    for file in ["shop.jsonl", "py.jsonl"] {
        let shown = support::run(&["show", file, "--json"]);
        assert_eq!(String::from_utf8(shown.stdout).unwrap(), String::from_utf8(support::fixture(file)).unwrap());
    }
}

/// Keys in another order, spaces, and keys of a later version.
#[test]
fn json_is_the_line_as_it_was_written_whoever_wrote_it() {
    let line = r#"{ "later": [1.50, 1e2], "v":1,"type":"event","ts":"2025-06-01T12:00:00Z","class":"Paid","message":"shop.Paid","payload":{"b":1, "a":"\u00e9"},"duration_ns":7,"result":null,"error":null,"outcome":"succeeded","id":"01977e3f-0000-7000-8000-000000000001","correlation_id":"01977e3f-0000-7000-8000-000000000001" }"#;
    let shown = support::run_with_stdin(&["show", "-", "--json"], line.as_bytes());
    assert_eq!(String::from_utf8(shown.stdout).unwrap(), format!("{line}\n"));
}

#[test]
fn what_is_damaged_is_told_and_the_rest_is_shown() {
    assert_output("show_damaged", &["show", "damaged.jsonl"]);
}

#[test]
fn what_py_message_bus_wrote_is_shown() {
    assert_output("show_py", &["show", "py.jsonl", "--payload"]);
}

#[test]
fn stats_are_a_table() {
    assert_output("stats", &["stats", "shop.jsonl"]);
}

#[test]
fn stats_of_several_files_are_one_table() {
    assert_output("stats_several", &["stats", "shop.jsonl", "py.jsonl", "damaged.jsonl"]);
}

#[test]
fn stats_are_json_for_programs() {
    assert_output("stats_json", &["stats", "damaged.jsonl", "--json"]);
}

#[test]
fn stats_of_nothing_say_so() {
    assert_output("stats_nothing", &["stats", "shop.jsonl", "--message", "none"]);
}

#[test]
fn a_plan_says_what_a_replay_would_do() {
    assert_output("plan", &["replay-plan", "shop.jsonl"]);
}

#[test]
fn a_plan_says_what_is_lost() {
    assert_output("plan_damaged", &["replay-plan", "damaged.jsonl"]);
}

/// As a replay does it, whatever the order in which the attempts ended, and nested ones as well.
#[test]
fn a_plan_counts_a_dispatch_of_several_attempts_once() {
    let attempt = |(id, number, payload, is_nested): (u8, u8, &str, bool)| {
        let id = format!("01977e3f-0000-7000-8000-0000000000{id:02}");
        format!(
            r#"{{"ts":"2025-06-01T12:00:0{number}Z","type":"command","class":"Pay","payload":{payload},"duration_ns":7,"result":null,"error":null,"v":1,"message":"shop.Pay","outcome":"succeeded","id":"{id}","correlation_id":"{id}","attempt":{number},"nested":{is_nested},"withheld":{}}}"#,
            if payload == "null" { r#""too_large""# } else { "null" },
        ) + "\n"
    };
    let tried = [(1, 1, "{}", false), (1, 3, "null", false), (2, 1, "{}", false), (1, 2, "{}", false)];
    let nested = [(3, 1, "{}", true), (3, 2, "{}", true)];
    let text: String = tried.into_iter().chain(nested).map(attempt).collect();
    let plan = support::run_with_stdin(&["replay-plan", "-"], text.as_bytes()).stdout;
    let expected = concat!(
        "        1  would be dispatched\n",
        "          1  command  shop.Pay\n",
        "        1  were sent by handlers, which send them again\n",
        "        1  cannot be replayed\n",
        "          1  command  shop.Pay  no payload: too_large\n",
    );
    let plan = String::from_utf8(plan).unwrap();
    assert!(plan.starts_with(expected), "{plan}");
}

#[test]
fn a_plan_is_json_for_programs() {
    assert_output("plan_json", &["replay-plan", "shop.jsonl", "--json"]);
}

#[test]
fn runs_are_json_for_programs() {
    assert_output("ls_json", &["ls", "runs", "--count", "--json", "--lenient"]);
}

#[test]
fn runs_are_listed() {
    assert_output("ls", &["ls", "runs"]);
}

#[test]
fn runs_are_counted() {
    assert_output("ls_count", &["ls", "runs", "--count"]);
}

/// Each block of the README that begins with a command is what that prints.
#[test]
fn the_readme_shows_what_is_printed() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let samples: Vec<_> = readme.split("```text\n$ linkbus ").skip(1).collect();
    assert_eq!(samples.len(), 6);
    for sample in samples {
        let (command, shown) = sample.split_once("```").unwrap().0.split_once('\n').unwrap();
        let arguments = command.split(' ').map(|word| word.trim_matches('\''));
        let printed = support::linkbus().args(arguments).output().unwrap().stdout;
        assert_eq!(String::from_utf8(printed).unwrap(), shown, "{command}");
    }
}

#[test]
fn help_says_what_the_exit_codes_mean() {
    assert_output("help", &["show", "--help"]);
}
