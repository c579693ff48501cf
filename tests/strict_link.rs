//! The feature `strict-link`: programs that the linker refuses, and others that it links, in every profile and with every linker
//! that is there. They are in `tests/fixtures/strict`, a workspace of its own.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::{Command, Output},
    sync::{LazyLock, Mutex, PoisonError},
};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/strict");
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/strict");

/// The claims, once a profile.
macro_rules! profiles {
    ($($(#[$attribute:meta])* $profile:ident)*) => {
        $(
            mod $profile {
                const PROFILE: &str = stringify!($profile);

                #[test]
                $(#[$attribute])*
                fn a_missing_handler_is_an_error_of_the_linker() {
                    super::refuses(PROFILE, "missing", super::UNDEFINED, "a #[handler] fn for query contracts.GetUser (contracts 0.0.0)");
                }

                #[test]
                $(#[$attribute])*
                fn a_handler_that_an_async_bus_misses_is_an_error_of_the_linker() {
                    let name = "a #[handler] async fn for command contracts.PlaceOrder (contracts 0.0.0)";
                    super::refuses(PROFILE, "missing_async", super::UNDEFINED, name);
                }

                #[test]
                $(#[$attribute])*
                fn a_second_handler_is_an_error_of_the_linker() {
                    let name = "#[handler] for query contracts.GetUser (contracts 0.0.0)";
                    super::refuses(PROFILE, "duplicate", super::DUPLICATE, name);
                }

                #[test]
                $(#[$attribute])*
                fn a_second_handler_of_a_message_that_is_never_sent_is_one_as_well() {
                    let name = "#[handler] for query contracts.GetUser (contracts 0.0.0)";
                    super::refuses(PROFILE, "duplicate_unsent", super::DUPLICATE, name);
                }

                #[test]
                $(#[$attribute])*
                fn a_complete_program_works() {
                    let journal = "users: one more order of user 7\n";
                    let printed = super::prints(PROFILE, "complete");
                    assert!(printed.contains(journal) && printed.contains("billing: invoice to user 7\n"), "{printed}");
                }

                #[test]
                $(#[$attribute])*
                fn messages_and_handlers_may_be_written_anywhere() {
                    assert_eq!(super::prints(PROFILE, "shapes"), "1 2 3\n");
                }

                #[test]
                $(#[$attribute])*
                fn a_message_that_is_never_sent_needs_no_handler() {
                    assert_eq!(super::prints(PROFILE, "unsent"), "4 messages\n");
                }

                #[test]
                $(#[$attribute])*
                fn an_exempt_message_is_served_by_closures() {
                    assert_eq!(super::prints(PROFILE, "exempt"), "closure 1\nasync closure 2\n");
                }

                #[test]
                $(#[$attribute])*
                fn each_bus_calls_the_handler_that_it_has() {
                    let expected = "user 1\nclosure 2\nno handler for query `contracts.GetUser`\nuser 4\n";
                    assert_eq!(super::prints(PROFILE, "replaced"), expected);
                }
            }
        )*
    };
}

profiles! {
    dev
    release
    #[ignore = "builds for minutes: cargo xtask ci linking"]
    fat
}

/// Not by the linker, which knows no types: each symbol has the type of its handler.
#[test]
fn a_handler_cannot_have_the_symbol_of_another_one() {
    let output = link("dev", "borrowed_symbol", &linkers()[0]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("found `Symbol<_, Lender>`"), "{text}");
}

/// What the linkers say of a symbol that nobody defines, and of one that two define.
const UNDEFINED: &[&str] = &["undefined symbol: ", "undefined reference to `"];
const DUPLICATE: &[&str] = &["duplicate symbol: ", "multiple definition of `", "multiply defined"];

/// Each linker that is there refuses the program, says why, and shows the name.
#[track_caller]
fn refuses(profile: &str, program: &str, why: &[&str], name: &str) {
    for linker in linkers() {
        let output = link(profile, program, linker);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{} links `{program}`", linker.name);
        let says = |line: &str| line.contains(name) && why.iter().any(|why| line.contains(why));
        assert!(text.lines().any(says), "{} does not say that `{name}` is {why:?}:\n{text}", linker.name);
    }
}

/// What the program prints, whatever linker made it.
#[track_caller]
fn prints(profile: &str, program: &str) -> String {
    let runs = linkers().iter().map(|linker| {
        let output = link(profile, program, linker);
        assert!(output.status.success(), "{}: {}", linker.name, String::from_utf8_lossy(&output.stderr));
        let folder = if profile == "dev" { "debug" } else { profile };
        let run = Command::new(Path::new(TARGET).join(folder).join(program)).output().unwrap();
        assert!(run.status.success(), "{}: {}", linker.name, String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    });
    let runs: Vec<String> = runs.collect();
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
    runs[0].clone()
}

/// Something that links, and what rustc is told so that it does.
struct Linker {
    name: &'static str,
    arguments: Vec<String>,
}

/// Those that are there; the one that comes with rustc is.
fn linkers() -> &'static [Linker] {
    static LINKERS: LazyLock<Vec<Linker>> = LazyLock::new(|| {
        let others = ["bfd", "mold"].into_iter().filter(|name| is_installed(name)).map(Linker::installed);
        std::iter::once(Linker::of_rustc()).chain(others).collect()
    });
    &LINKERS
}

impl Linker {
    /// rust-lld by its name: what rustc takes by itself is the linker of the system before Rust 1.90.
    fn of_rustc() -> Self {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc).args(["--print", "target-libdir"]).output().unwrap();
        let libraries = String::from_utf8(output.stdout).unwrap();
        let folder = Path::new(libraries.trim()).with_file_name("bin").join("gcc-ld");
        let arguments = vec![format!("-Clink-arg=-B{}", folder.display()), "-Clink-arg=-fuse-ld=lld".to_owned()];
        Linker { name: "rust-lld", arguments }
    }

    fn installed(name: &'static str) -> Self {
        Linker { name, arguments: vec![format!("-Clink-arg=-fuse-ld={name}")] }
    }
}

fn is_installed(name: &str) -> bool {
    let is_there = Command::new(format!("ld.{name}")).arg("--version").output().is_ok();
    if !is_there {
        let notice = format!("notice: `ld.{name}` is not installed, so nothing was linked with it\n");
        // Not a macro: what those print is kept back.
        io::stderr().write_all(notice.as_bytes()).expect("the error output is open");
    }
    is_there
}

/// Links the program anew: only its own crate is compiled again for another linker.
fn link(profile: &str, program: &str, linker: &Linker) -> Output {
    // All programs, and those that other linkers made, are built in one folder.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // A lock file of its own would age beside the one of the repository.
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"), Path::new(FIXTURE).join("Cargo.lock")).unwrap();
    let run =
        |offline: &[&str]| cargo(profile, program).args(offline).arg("--").args(&linker.arguments).output().unwrap();
    let output = run(&["--offline"]);
    let is_not_fetched = String::from_utf8_lossy(&output.stderr).contains("without the offline flag");
    if is_not_fetched { run(&[]) } else { output }
}

fn cargo(profile: &str, program: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(FIXTURE)
        .args(["rustc", "--bin", program, "--profile", profile, "--target-dir", TARGET])
        // Means to a macro that it is in a test; cargo sets it for the file that you are reading.
        .env_remove("CARGO_TARGET_TMPDIR");
    cargo
}
