//! Files, folders and pipes.

mod support;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use support::{command, fixture, run, run_with_stdin, stdout};

#[test]
fn a_folder_is_its_newest_run_and_that_is_said() {
    let read = run(&["show", "runs", "--json"]);
    assert_eq!(read.stdout, run(&["show", "runs/run_20250602_080000_77.jsonl", "--json"]).stdout);
    let said = String::from_utf8(read.stderr).unwrap();
    assert!(said.starts_with("linkbus: reading runs/run_20250602_080000_77.jsonl\n"), "{said}");
}

#[test]
fn a_folder_without_runs_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(&["show", folder.path().to_str().unwrap()]);
    assert_eq!(told.status.code(), Some(2));
    assert!(String::from_utf8(told.stderr).unwrap().contains("has no recording: its runs are named run_*.jsonl"));
}

#[test]
fn a_folder_without_runs_is_listed_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    for more in [&[][..], &["--json"], &["--count"]] {
        let listed = run(&[&["ls", folder.path().to_str().unwrap()], more].concat());
        assert_eq!((listed.status.code(), listed.stdout.len()), (Some(0), 0));
        let said = String::from_utf8(listed.stderr).unwrap();
        assert!(said.ends_with("has no recording: its runs are named run_*.jsonl\n"), "{said}");
    }
}

#[test]
fn the_standard_input_is_read() {
    for arguments in [&["show", "-"][..], &["show", "-", "--follow"], &["stats", "-"], &["replay-plan", "-"]] {
        let from_file: Vec<_> = arguments.iter().map(|one| if *one == "-" { "shop.jsonl" } else { one }).collect();
        let from_file = from_file.into_iter().filter(|one| *one != "--follow").collect::<Vec<_>>();
        let read = run_with_stdin(arguments, &fixture("shop.jsonl"));
        assert_eq!(String::from_utf8(read.stdout).unwrap(), stdout(&from_file), "{arguments:?}");
    }
    let torn = run_with_stdin(&["show", "-"], &fixture("torn.jsonl"));
    assert_eq!(torn.status.code(), Some(1));
    assert!(String::from_utf8(torn.stderr).unwrap().starts_with("linkbus: standard input: the last line, at byte "));
}

#[test]
fn who_has_seen_enough_ends_it_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.jsonl");
    // More than any pipe holds.
    std::fs::write(&file, fixture("shop.jsonl").repeat(1000)).unwrap();
    let mut child =
        command(&["show", file.to_str().unwrap()]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("shop.PriceOf"), "{first}");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}

#[test]
fn nothing_is_written_but_the_output() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("run_1.jsonl"), fixture("damaged.jsonl")).unwrap();
    for arguments in [&["show", "."][..], &["stats", "."], &["replay-plan", "."], &["ls", ".", "--count"]] {
        command(arguments).current_dir(folder.path()).output().unwrap();
    }
    let names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["run_1.jsonl"]);
    assert_eq!(std::fs::read(folder.path().join("run_1.jsonl")).unwrap(), fixture("damaged.jsonl"));
}
