//! The program with `--processes`: as one process, whatever happens to one of them, and nothing is left behind.

#![cfg(unix)]

use std::{
    io::{self, BufRead, BufReader, PipeReader, Read},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Output},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

const SCRIPT: [&str; 3] = ["--processes", "--script", "examples/shop/demo.jsonl"];

/// A folder in which the program makes its own, and nothing else is.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn is_empty(folder: &TempDir) -> bool {
    folder.path().read_dir().unwrap().next().is_none()
}

fn shop(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).env("TMPDIR", folder.path());
    command
}

/// Also waits for the other processes, which have the same output.
fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    shop(folder).args(SCRIPT).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn the_demo_prints_the_same_on_every_run_and_leaves_nothing_behind() {
    for _ in 0..3 {
        let folder = folder();
        let output = run(&folder, &[]);
        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout), include_str!("../demo.out"));
        assert!(output.status.success() && is_empty(&folder));
    }
}

#[test]
fn the_demo_prints_the_same_if_a_process_is_killed() {
    for (part, command) in [("users", "RegisterUser"), ("stock", "AddStock"), ("orders", "PlaceOrder")] {
        let folder = folder();
        let output = run(&folder, &["--kill", part]);
        let said = [
            format!("shop: {part} is killed while it has contracts.{command}\n"),
            format!("shop: {part} ended (signal: 9 (SIGKILL)) and is started again\n"),
            format!("shop: {part} handles contracts.{command}, attempt 2\n"),
        ];
        assert_eq!(text(&output.stderr), said.concat());
        assert_eq!(text(&output.stdout), include_str!("../demo.out"));
        assert!(output.status.success() && is_empty(&folder));
    }
}

#[test]
fn an_order_that_a_crash_left_half_placed_is_settled_before_the_first_request() {
    let (folder, data) = (folder(), folder());
    let file = data.path().join("shop.sqlite");
    let database = ["--db", file.to_str().unwrap()];
    assert!(run(&folder, &database).status.success());
    let orders = storage::rusqlite::Connection::open(&file).unwrap();
    assert_eq!(orders.execute("UPDATE orders SET placed = FALSE", []).unwrap(), 1);
    let output = run(&folder, &database);
    let settled =
        "  stock          puts back what o-1 had reserved\n  orders         gives up o-1, which was never finished\n";
    assert!(text(&output.stdout).starts_with(&format!("{settled}1: RegisterUser ada\n")), "{}", text(&output.stdout));
}

/// A shop that serves HTTP in several processes.
struct Server {
    front_end: Child,
    /// And what it says about itself.
    output: BufReader<PipeReader>,
}

impl Server {
    fn start(folder: &TempDir, database: &Path) -> Self {
        let mut command = shop(folder);
        let (output, input) = io::pipe().unwrap();
        command.args(["--processes", "--serve", "127.0.0.1:0", "--db"]).arg(database);
        let front_end = command.stdout(input.try_clone().unwrap()).stderr(input).process_group(0).spawn().unwrap();
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on http://"), "{line}");
        Server { front_end, output }
    }

    /// Sends a signal, as ctrl-c in a terminal does; gives whether the front end ended well.
    fn end(&mut self, signal: Signal) -> bool {
        kill_process_group(Pid::from_child(&self.front_end), signal).unwrap();
        self.front_end.wait().unwrap().success()
    }

    /// What is printed until the last process has ended: all of them hold the same output.
    fn rest(mut self) -> String {
        let (ended, end) = mpsc::channel();
        thread::spawn(move || {
            let mut rest = String::new();
            self.output.read_to_string(&mut rest).unwrap();
            ended.send(rest)
        });
        end.recv_timeout(Duration::from_secs(60)).expect("a process is left")
    }
}

#[test]
fn a_signal_to_stop_ends_all_processes_and_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let (folder, data) = (folder(), folder());
        let mut server = Server::start(&folder, &data.path().join("shop.sqlite"));
        assert!(!is_empty(&folder));
        assert!(server.end(signal));
        assert!(is_empty(&folder));
        assert_eq!(server.rest(), "stopped\n");
    }
}

#[test]
fn the_processes_end_when_their_front_end_is_killed() {
    let (folder, data) = (folder(), folder());
    let mut server = Server::start(&folder, &data.path().join("shop.sqlite"));
    assert!(!server.end(Signal::KILL));
    assert_eq!(server.rest(), "");
}

#[test]
fn a_process_that_cannot_begin_says_why_and_ends_all_of_them() {
    let (folder, other, data) = (folder(), self::folder(), self::folder());
    let database = data.path().join("shop.sqlite");
    // It has the letters beside the database.
    let mut server = Server::start(&folder, &database);
    let output = run(&other, &["--db", database.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert!(said.contains("shop.letters") && said.ends_with("shop: notifications ended: exit status: 1\n"), "{said}");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(is_empty(&other) && server.end(Signal::TERM));
}
