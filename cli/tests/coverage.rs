//! What is put together of the coverage of several processes.

mod support;

use std::process::Output;

fn coverage(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = support::linkbus().arg("coverage").args(arguments).output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    (status.code(), stdout, stderr)
}

/// One process has run what the other has not; what was not finished is not read.
#[test]
fn what_one_process_did_is_done() {
    let (code, stdout, stderr) = coverage(&["covered"]);
    let expected = "2 of 3 handlers ran, in 2 processes
never ran:
  orders::cancel, of command orders.Cancel, at orders/src/lib.rs:31
never failed:
  stock::price_of, of query shop.PriceOf, at stock/src/lib.rs:12
never tried again:
  stock::price_of, of query shop.PriceOf, at stock/src/lib.rs:12
";
    assert_eq!((code, &*stdout, &*stderr), (Some(1), expected, ""));
    assert_eq!(coverage(&["covered", "--lenient"]).0, Some(0));
}

#[test]
fn what_a_terminal_acts_upon_is_escaped() {
    let told = r"  mail::thank\u{1b}[31m, of event orders.OrderPlaced, at mail/src/lib.rs:9";
    assert!(coverage(&["covered_hostile"]).1.lines().any(|line| line == told));
    assert!(!coverage(&["covered_hostile", "--json"]).1.contains('\u{1b}'));
}

#[test]
fn where_every_handler_ran_all_is_well() {
    assert_eq!(coverage(&["covered_all"]), (Some(0), "1 of 1 handlers ran, in 1 process\n".to_owned(), String::new()));
}

#[test]
fn programs_get_every_handler() {
    let (code, stdout, _) = coverage(&["covered", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &json["processes"], &json["damaged_files"]), (Some(1), &2.into(), &0.into()));
    let handlers = json["handlers"].as_array().unwrap();
    assert_eq!(handlers.len(), 3);
    let reserve = handlers.iter().find(|handler| handler["handler"] == "stock::reserve").unwrap();
    assert_eq!([&reserve["ran"], &reserve["failed"], &reserve["retried"]], [true, true, true]);
}

#[test]
fn a_damaged_file_is_told_and_the_others_are_read() {
    let (code, stdout, stderr) = coverage(&["covered_damaged"]);
    assert_eq!((code, &*stdout), (Some(1), "1 of 1 handlers ran, in 1 process\n"));
    let told: Vec<_> = stderr.lines().collect();
    assert!(told[0].starts_with("linkbus: covered_damaged/coverage_2.json: it is no coverage: EOF"), "{stderr}");
    assert_eq!(told[1], "linkbus: covered_damaged/coverage_3.json: it is coverage of version 7, and version 1 is read");
}

#[test]
fn what_cannot_be_used_is_told_with_what_to_do() {
    for (arguments, told) in [
        (&["missing"][..], "linkbus: `missing` cannot be read: "),
        (&["shop.jsonl"], "linkbus: `shop.jsonl` cannot be read: "),
        (&["runs"], "linkbus: `runs` has no coverage: run the tests with LINKBUS_COVERAGE=`runs`, as an absolute path"),
        (&[], "error: the following required arguments were not provided"),
    ] {
        let (code, stdout, stderr) = coverage(arguments);
        assert_eq!((code, &*stdout), (Some(2), ""));
        assert!(stderr.starts_with(told), "{stderr}");
    }
}
