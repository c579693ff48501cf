//! What a script can tell from the exit code.

mod support;

use support::{code, run};

const COMMANDS: [&str; 3] = ["show", "stats", "replay-plan"];

#[test]
fn all_is_well() {
    for command in COMMANDS {
        assert_eq!(code(&[command, "py.jsonl"]), 0, "{command}");
    }
    assert_eq!(code(&["ls", "runs"]), 0);
}

#[test]
fn each_problem_is_told_by_the_code_alone() {
    for problem in ["junk.jsonl", "gap.jsonl", "torn.jsonl", "later.jsonl"] {
        for command in COMMANDS {
            assert_eq!(code(&[command, problem]), 1, "{command} {problem}");
            assert_eq!(code(&[command, problem, "--lenient"]), 0, "{command} {problem}");
        }
    }
    assert_eq!(code(&["ls", "runs", "--count"]), 1);
    assert_eq!(code(&["--lenient", "ls", "runs", "--count"]), 0);
}

#[test]
fn what_cannot_be_replayed_is_a_problem_of_the_plan_only() {
    assert_eq!([code(&["replay-plan", "shop.jsonl"]), code(&["show", "shop.jsonl"])], [1, 0]);
    assert_eq!(code(&["replay-plan", "shop.jsonl", "--lenient"]), 0);
}

#[test]
fn what_cannot_be_read_is_told() {
    for command in COMMANDS {
        let told = run(&[command, "missing.jsonl", "--lenient"]);
        assert_eq!(told.status.code(), Some(2), "{command}");
        let stderr = String::from_utf8(told.stderr).unwrap();
        assert!(stderr.starts_with("linkbus: `missing.jsonl` cannot be read: "), "{stderr}");
    }
    assert_eq!(code(&["ls", "missing"]), 2);
}

#[test]
fn what_cannot_be_used_is_told_with_what_to_do() {
    for (arguments, told) in [
        (&["show", "missing.jsonl"][..], "check its name, and from which folder it is looked for"),
        (&["show", "shop.jsonl/run_1.jsonl"], "a part of its path is a file and no folder, check the path"),
        (&["ls", "shop.jsonl"], "`shop.jsonl` is a file: name the folder that it is in"),
        (&["show", "shop.jsonl", "--correlation", "x"], "it is no id such as 01977e3f-"),
        (&["show", ""], "a value is required for '<FILE>'"),
    ] {
        let said = run(arguments);
        assert_eq!(said.status.code(), Some(2), "{arguments:?}");
        let stderr = String::from_utf8(said.stderr).unwrap();
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_wrong_command_line_is_told() {
    for wrong in [
        &["show"][..],
        &["stats"],
        &["show", "shop.jsonl", "--kind", "letter"],
        &["show", "shop.jsonl", "--outcome", "lost"],
        &["show", "shop.jsonl", "--since", "yesterday"],
        &["show", "shop.jsonl", "--correlation", "7"],
        &["show", "shop.jsonl", "--failed", "--succeeded"],
        &["show", "shop.jsonl", "--json", "--payload"],
    ] {
        let told = run(wrong);
        assert_eq!((told.status.code(), told.stdout.len()), (Some(2), 0), "{wrong:?}");
    }
}
