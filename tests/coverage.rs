//! Coverage: which handlers ran, failed and were tried again, in one process and over several.

use std::{
    fs,
    io::{Error, ErrorKind},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command as Process, Output},
};

use futures_util::FutureExt as _;
use linkbus::{
    AnyError, Bus, Command, Event, Module, Query, SyncBus, Task,
    clock::ManualClock,
    layer::Retry,
    testing::{Chaos, Coverage, CoverageReport, HandlerCoverage},
};
use serde_json::Value;

mod shop {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{AnyError, Command, Error, ErrorKind, Event, Query, Task};
    use linkbus::{Context, handler};

    #[derive(Query)]
    #[query(reply = u32, name = "shop.Stock")]
    pub(crate) struct Stock;

    #[derive(Command, Clone)]
    #[command(name = "shop.Pay")]
    pub(crate) struct Pay {
        pub(crate) cents: u32,
    }

    #[derive(Command, Clone)]
    #[command(name = "shop.Refund")]
    pub(crate) struct Refund;

    #[derive(Event)]
    #[event(name = "shop.Paid")]
    pub(crate) struct Paid;

    #[derive(Task, Clone)]
    #[task(name = "shop.Print")]
    pub(crate) struct Print;

    #[handler]
    fn stock(_: &Stock) -> u32 {
        7
    }

    #[handler]
    fn pay(pay: &Pay) -> Result<(), AnyError> {
        if pay.cents == 0 { Err("nothing to pay".into()) } else { Ok(()) }
    }

    #[handler]
    fn refund(_: &Refund) {
        panic!("no money")
    }

    #[handler]
    fn thank(_: &Paid) {}

    #[handler]
    fn count(_: &Paid) -> Result<(), AnyError> {
        static PAID: AtomicU32 = AtomicU32::new(0);
        PAID.fetch_add(1, Ordering::Relaxed);
        Err("the counter is full".into())
    }

    /// The printer is away at first.
    #[handler(retry(max = 3, base = "1s"))]
    fn print(_: &Print, context: &Context) -> Result<(), Error> {
        if context.attempt() == 1 { Err(ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
    }

    linkbus::module!(messages: [Stock, Pay, Refund, Paid, Print], handlers: [stock, pay, refund, thank, count, print]);
}

use shop::{Paid, Pay, Print, Refund, Stock};

const SHOP: Module = shop::MODULE;

fn sync_bus(coverage: &Coverage) -> SyncBus {
    SyncBus::empty().modules([SHOP]).layer(coverage.clone()).clock(ManualClock::new()).build().unwrap()
}

/// Ran, failed, tried again.
fn counted(report: &CoverageReport, handler: &str) -> (u64, u64, Option<u64>) {
    let HandlerCoverage { ran, failed, retried, .. } =
        report.handlers.iter().find(|coverage| coverage.handler.name == handler).unwrap();
    (*ran, *failed, *retried)
}

fn names<'h>(handlers: impl Iterator<Item = &'h HandlerCoverage>) -> Vec<&'static str> {
    handlers.map(|coverage| coverage.handler.name).collect()
}

#[test]
fn a_handler_that_nothing_reached_never_ran() {
    let coverage = Coverage::new();
    let bus = sync_bus(&coverage);
    assert_eq!(names(coverage.report().never_ran()), ["stock", "pay", "refund", "thank", "count", "print"]);
    bus.send(Stock).unwrap();
    bus.publish(Paid).unwrap_err();
    assert_eq!(names(coverage.report().never_ran()), ["pay", "refund", "print"]);
}

#[test]
fn errors_and_panics_are_failures() {
    let coverage = Coverage::new();
    let bus = sync_bus(&coverage);
    bus.execute(Pay { cents: 5 }).unwrap();
    assert_eq!(names(coverage.report().never_failed()), ["pay"]);
    bus.execute(Pay { cents: 0 }).unwrap_err();
    catch_unwind(AssertUnwindSafe(|| bus.execute(Refund))).unwrap_err();
    let report = coverage.report();
    assert_eq!((counted(&report, "pay"), counted(&report, "refund")), ((2, 1, None), (1, 1, None)));
    assert_eq!(report.never_failed().count(), 0);
}

#[test]
fn each_subscriber_is_counted_by_itself() {
    let coverage = Coverage::new();
    let bus = Bus::empty().modules([SHOP]).layer(coverage.clone()).clock(ManualClock::new()).build().unwrap();
    bus.publish(Paid).now_or_never().unwrap().unwrap_err();
    let report = coverage.report();
    assert_eq!((counted(&report, "thank"), counted(&report, "count")), ((1, 0, None), (1, 1, None)));
}

/// The retry of the handler is inside every layer of the bus.
#[test]
fn what_failed_and_was_tried_again_by_the_handlers_own_retry_is_both() {
    let coverage = Coverage::new();
    sync_bus(&coverage).dispatch(Print).unwrap();
    let (ran, failed, retried) = counted(&coverage.report(), "print");
    assert_eq!((ran, failed, retried), (1, 1, Some(1)));
}

#[test]
fn inside_a_retry_each_attempt_is_counted() {
    let coverage = Coverage::new();
    let retry = Retry::new().on_any_error();
    let bus = SyncBus::empty().modules([SHOP]).layer(retry).layer(coverage.clone()).clock(ManualClock::new());
    let bus = bus.build().unwrap();
    bus.execute(Pay { cents: 5 }).unwrap();
    assert_eq!(names(coverage.report().never_retried()), ["pay"]);
    bus.execute(Pay { cents: 0 }).unwrap_err();
    let report = coverage.report();
    assert_eq!(counted(&report, "pay"), (4, 3, Some(2)));
    assert_eq!(counted(&report, "thank").2, None);
}

#[test]
fn what_a_layer_kept_from_the_handler_did_not_run() {
    let coverage = Coverage::new();
    let bus = SyncBus::empty().modules([SHOP]).layer(coverage.clone()).layer(Chaos::seeded(1).fails(1.0));
    let bus = bus.clock(ManualClock::new()).build().unwrap();
    bus.execute(Pay { cents: 5 }).unwrap_err();
    bus.publish(Paid).unwrap_err();
    assert_eq!(coverage.report().never_ran().count(), 6);
}

#[test]
fn several_buses_are_added_up() {
    let coverage = Coverage::new();
    let (first, second) = (sync_bus(&coverage), sync_bus(&coverage));
    first.send(Stock).unwrap();
    second.send(Stock).unwrap();
    let report = coverage.report();
    assert_eq!((report.handlers.len(), counted(&report, "stock")), (6, (2, 0, None)));
}

#[test]
fn the_report_lists_what_never_happened_with_its_place() {
    let coverage = Coverage::new();
    let bus = sync_bus(&coverage);
    bus.send(Stock).unwrap();
    bus.publish(Paid).unwrap_err();
    let text = coverage.report().to_string();
    let lines: Vec<_> = text.lines().map(|line| line.split(", at tests/coverage.rs:").next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "3 of 6 handlers ran",
            "never ran:",
            "  coverage::shop::pay, of command shop.Pay",
            "  coverage::shop::refund, of command shop.Refund",
            "  coverage::shop::print, of task shop.Print",
            "never failed:",
            "  coverage::shop::stock, of query shop.Stock",
            "  coverage::shop::thank, of event shop.Paid",
        ]
    );
    assert!(text.contains("shop.Pay, at tests/coverage.rs:"), "{text}");
}

/// Is run by the tests below, with a folder in the environment.
#[test]
#[ignore = "it is a process of another test"]
fn part_one() {
    let bus = SyncBus::empty().modules([SHOP]).command(|_: Extra| ()).clock(ManualClock::new()).build().unwrap();
    bus.send(Stock).unwrap();
    bus.dispatch(Print).unwrap();
    bus.execute(Extra).unwrap();
    assert!(!bus.explain::<Stock>().unwrap().to_string().contains("Coverage"));
}

/// As [`part_one`].
#[test]
#[ignore = "it is a process of another test"]
fn part_two() {
    let bus = SyncBus::empty().modules([SHOP]).build().unwrap();
    bus.execute(Pay { cents: 0 }).unwrap_err();
}

#[derive(Command)]
struct Extra;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("coverage_{name}_{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Folder(path)
    }

    /// What is in its files.
    fn files(&self) -> Vec<Value> {
        let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let files = files.inspect(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(name.starts_with("coverage_") && path.extension().unwrap() == "json", "{}", path.display());
        });
        files.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn process(test: &str, folder: &Path) -> Output {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--ignored", "--nocapture"]).env("LINKBUS_COVERAGE", folder);
    process.output().unwrap()
}

/// The handlers of which `what` is true in a file.
fn handlers<'f>(file: &'f Value, what: &str) -> Vec<&'f str> {
    let handlers = file["handlers"].as_array().unwrap().iter().filter(|handler| handler[what] == true);
    handlers.map(|handler| handler["handler"].as_str().unwrap().rsplit("::").next().unwrap()).collect()
}

#[test]
fn a_process_leaves_one_file_in_the_folder_of_the_environment() {
    let folder = Folder::new("one");
    let output = process("part_one", &folder.0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let files = folder.files();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!((&file["linkbus_coverage"], &file["left_out"]), (&1.into(), &0.into()));
    // Not the closure of the test.
    assert_eq!(file["handlers"].as_array().unwrap().len(), 6);
    assert_eq!(handlers(file, "ran"), ["stock", "print"]);
    assert_eq!((handlers(file, "failed"), handlers(file, "retried")), (vec!["print"], vec!["print"]));
    let stock = &file["handlers"][0];
    assert_eq!((&stock["kind"], &stock["message"]), (&"query".into(), &"shop.Stock".into()));
    assert_eq!((&stock["file"], &stock["retried"]), (&"tests/coverage.rs".into(), &Value::Null));
}

#[test]
fn each_process_has_a_file_of_its_own() {
    let folder = Folder::new("two");
    for test in ["part_one", "part_two"] {
        assert!(process(test, &folder.0).status.success());
    }
    assert_eq!(folder.files().len(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_the_tests_go_on() {
    let folder = Folder::new("three");
    fs::write(&folder.0, "a file").unwrap();
    let output = process("part_one", &folder.0);
    fs::remove_file(&folder.0).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("linkbus: the coverage cannot be written to `").count(), 1, "{told}");
}
