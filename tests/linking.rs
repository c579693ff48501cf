//! Programs of several crates, each built in every profile and with both ways of collecting, and then run.
//!
//! They are in `tests/fixtures/link`, a workspace of its own. What they print is the same in every profile, so it is
//! checked in once, in `expected`.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/link");

/// One test a profile and a collector.
macro_rules! profiles {
    ($($(#[$attribute:meta])* $test:ident: $profile:literal $features:expr;)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $test() {
                check($profile, &$features);
            }
        )*
    };
}

const SECTIONS: [&str; 0] = [];
const CONSTRUCTORS: [&str; 1] = ["--features=shop/inventory"];

profiles! {
    linking_keeps_everything_in_dev: "dev" SECTIONS;
    linking_keeps_everything_in_release: "release" SECTIONS;
    #[ignore = "builds for minutes: cargo xtask ci linking"]
    linking_keeps_everything_with_thin_lto: "thin" SECTIONS;
    #[ignore = "builds for minutes: cargo xtask ci linking"]
    linking_keeps_everything_with_fat_lto: "fat" SECTIONS;
    constructors_collect_everything_in_dev: "dev" CONSTRUCTORS;
    constructors_collect_everything_in_release: "release" CONSTRUCTORS;
    #[ignore = "builds for minutes: cargo xtask ci linking"]
    constructors_collect_everything_with_thin_lto: "thin" CONSTRUCTORS;
    #[ignore = "builds for minutes: cargo xtask ci linking"]
    constructors_collect_everything_with_fat_lto: "fat" CONSTRUCTORS;
}

fn check(profile: &str, features: &[&str]) {
    // Both collectors build programs of the same names.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let programs = Programs::build(profile, features);
    every_module_arrives_and_works(&programs);
    modules_can_be_listed_without_the_linker(&programs);
    a_second_program_on_the_same_library_has_the_same_wiring(&programs);
    a_crate_that_no_code_names_is_reported(&programs);
    a_crate_that_is_left_out_on_purpose_is_not(&programs);
    every_fault_is_in_one_report(&programs);
    every_party_of_a_fault_is_where_the_report_says(&programs);
    an_empty_program_is_reported(&programs);
    seven_hundred_queries_are_answered(&programs);
}

fn every_module_arrives_and_works(programs: &Programs) {
    programs.prints("shop", "order.txt");
}

fn modules_can_be_listed_without_the_linker(programs: &Programs) {
    assert_eq!(programs.run("shop listed").stdout, expected("order.txt"));
}

fn a_second_program_on_the_same_library_has_the_same_wiring(programs: &Programs) {
    let wiring = programs.run("audit").stdout;
    assert!(!wiring.is_empty() && expected("order.txt").starts_with(&wiring), "{wiring}");
}

fn a_crate_that_no_code_names_is_reported(programs: &Programs) {
    programs.refuses("forgotten", "forgotten.txt");
    let report = expected("forgotten.txt");
    let fault = &report[report.find("BUS008: ").expect("the fault is reported")..];
    assert!(include_str!("../docs/faults/BUS008.md").contains(fault.trim_end()), "the page shows another report");
}

fn a_crate_that_is_left_out_on_purpose_is_not(programs: &Programs) {
    programs.prints("left_out", "left_out.txt");
}

fn every_fault_is_in_one_report(programs: &Programs) {
    programs.prints("faults", "faults.txt");
}

fn every_party_of_a_fault_is_where_the_report_says(programs: &Programs) {
    let report = programs.run("faults").stdout;
    let parties: Vec<Party> = report.lines().filter_map(Party::read).collect();
    assert!(parties.len() > 30, "parties were read:\n{report}");
    parties.iter().for_each(Party::check);
}

fn an_empty_program_is_reported(programs: &Programs) {
    programs.refuses("empty", "empty.txt");
}

fn seven_hundred_queries_are_answered(programs: &Programs) {
    assert_eq!(programs.run("many").stdout, "700 queries, 700 answered\n");
}

/// A line of a report: `  handler   users::get_user  users/src/lib.rs:12`.
struct Party<'a> {
    name: &'a str,
    file: &'a str,
    line: usize,
}

impl<'a> Party<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (role, rest) = line.strip_prefix("  ")?.split_once(' ')?;
        let (name, place) = rest.rsplit_once("  ")?;
        let (file, line) = place.rsplit_once(':')?;
        let name = match role {
            "message" | "handler" if !name.contains("a closure in") => name.trim().rsplit("::").next()?,
            "modules!" => "modules!",
            _ => return None,
        };
        Some(Party { name, file, line: line.parse().ok()? })
    }

    fn check(&self) {
        let Party { name, file, line } = self;
        let source =
            fs::read_to_string(Path::new(FIXTURE).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let written = source.lines().nth(line - 1).unwrap_or_default();
        let is_declared = ["fn ", "struct ", "linkbus::"].iter().any(|word| written.contains(&format!("{word}{name}")));
        assert!(is_declared, "{file}:{line} is `{written}`, and should be `{name}`");
    }
}

fn expected(file: &str) -> String {
    fs::read_to_string(Path::new(FIXTURE).join("expected").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The programs of the fixture, as they were built last.
struct Programs {
    files: HashMap<String, PathBuf>,
}

/// What a program did.
struct Run {
    is_success: bool,
    stdout: String,
    stderr: String,
}

impl Programs {
    fn build(profile: &str, features: &[&str]) -> Self {
        // A lock file of its own would age beside the one of the repository.
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"), Path::new(FIXTURE).join("Cargo.lock")).unwrap();
        let mut output = cargo(profile, features).arg("--offline").output().unwrap();
        if !output.status.success() {
            output = cargo(profile, features).output().unwrap();
        }
        assert!(output.status.success(), "{profile} {features:?}: {}", String::from_utf8_lossy(&output.stderr));
        Programs { files: executables(&output).collect() }
    }

    fn run(&self, line: &str) -> Run {
        let mut words = line.split(' ');
        let program = words.next().and_then(|name| self.files.get(name)).unwrap_or_else(|| panic!("no program {line}"));
        let output = Command::new(program).args(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace('\\', "/");
        Run { is_success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    fn prints(&self, program: &str, file: &str) {
        let run = self.run(program);
        assert_eq!(
            run.stdout,
            expected(file),
            "`{program}` does not print {file}; it says:\n{}{}",
            run.stdout,
            run.stderr
        );
        assert!(run.is_success, "{}", run.stderr);
    }

    /// The program ends with this report and an exit code that says so.
    #[track_caller]
    fn refuses(&self, program: &str, file: &str) {
        let run = self.run(program);
        assert_eq!(run.stderr, expected(file), "`{program}` does not report {file}; it says:\n{}", run.stderr);
        assert!(!run.is_success, "{}", run.stdout);
    }
}

fn cargo(profile: &str, features: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(FIXTURE)
        .args(["build", "--workspace", "--message-format=json-render-diagnostics", "--profile", profile])
        .args(features)
        .args(["--target-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/link")])
        // Means to a macro that it is in a test; cargo sets it for the file that you are reading.
        .env_remove("CARGO_TARGET_TMPDIR");
    cargo
}

fn executables(output: &Output) -> impl Iterator<Item = (String, PathBuf)> {
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
    messages.map(Result::unwrap).filter_map(|message| {
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, PathBuf::from(message["executable"].as_str()?)))
    })
}
