//! The page on the way from one process to many machines: each of its cells that names a test names one that is there.

use std::{fs, path::Path};

const PAGE: &str = include_str!("../docs/scaling_out.md");

/// The links at the end of the page: label, file and test.
fn tests() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    PAGE.lines().filter_map(|line| {
        let (label, link) = line.strip_prefix('[')?.split_once("]: ../")?;
        let (file, test) = link.strip_suffix('"')?.split_once(" \"")?;
        Some((label, file, test))
    })
}

#[test]
fn what_the_page_names_is_a_test_in_that_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_there = |file: &str, test: &str| fs::read_to_string(root.join(file)).is_ok_and(|text| text.contains(test));
    let missing: Vec<_> = tests().filter(|(_, file, test)| !is_there(file, test)).collect();
    assert_eq!(missing, []);
}

#[test]
fn every_link_of_the_page_has_its_test_and_every_test_its_link() {
    let (text, _) = PAGE.split_once("\n[1a]: ").unwrap();
    let used = |label: &str| text.contains(&format!("][{label}]"));
    let idle: Vec<_> = tests().filter(|(label, ..)| !used(label)).collect();
    assert_eq!(idle, []);
    let labels: Vec<_> = text.split("][").skip(1).filter_map(|rest| rest.split(']').next()).collect();
    let unknown: Vec<_> = labels.into_iter().filter(|label| tests().all(|(known, ..)| known != *label)).collect();
    assert_eq!(unknown, [""; 0]);
}
