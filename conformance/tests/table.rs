//! The table of promises, and its copy in the README. `BLESS=1` writes the copy anew; read it before it is committed.

use std::{collections::BTreeSet, env, fs};

use linkbus_conformance::{PROMISES, markdown};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- the table of promises -->\n";

#[test]
fn the_readme_has_the_table_of_promises() {
    let readme = fs::read_to_string(README).unwrap();
    let (prose, table) = readme.split_once(BEGIN).expect("the README says where the table begins");
    if env::var_os("BLESS").is_some() {
        fs::write(README, format!("{prose}{BEGIN}{}", markdown())).unwrap();
        return;
    }
    assert_eq!(table, markdown(), "run it with BLESS=1, and read the difference");
}

#[test]
fn every_promise_has_a_name_of_its_own_and_a_row() {
    let names: BTreeSet<_> = PROMISES.iter().map(|promise| promise.name).collect();
    assert_eq!(names.len(), PROMISES.len());
    assert!(names.len() >= 40, "{}", names.len());
    let without: Vec<_> = PROMISES.iter().filter(|promise| promise.rows.is_empty()).collect();
    assert!(without.is_empty(), "{without:?}");
}
