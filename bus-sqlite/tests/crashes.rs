//! Processes that are killed and stopped while they handle messages, and what is in the books afterwards: R1, R2, R16.
//!
//! `LINKBUS_KILLS=1000 cargo test -p bus-sqlite --test crashes -- killed_at_random` kills more often.

#[path = "../../tests/support/crashes.rs"]
#[allow(dead_code, reason = "it is shared with tests of other files")]
mod crashes;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
    time::Duration,
};

use bus_sqlite::{
    CompleteError, SqliteInbox,
    rusqlite::{Connection, TransactionBehavior, params},
};
use linkbus::{Context, SyncBus, handler, layer::Inbox};
use rustix::process::{Pid, Signal, kill_process};

use crashes::{Folder, Random, kill_after, kills, lines, run, say, strace};

/// How many messages come to each process, from the first to the last.
const MESSAGES: u32 = 4;

fn main() -> ExitCode {
    crashes::main(
        process,
        &crashes::tests![
            killed_at_each_step_the_effect_is_there_once_if_it_is_marked_with_it,
            killed_at_each_step_nothing_is_lost_if_it_is_marked_afterwards,
            killed_at_random_beside_each_other_the_effect_is_there_once,
            killed_at_each_write_the_effect_is_there_once: strace,
            stopped_for_longer_than_its_lease_it_cannot_commit,
            stopped_for_longer_than_its_lease_it_is_counted_as_fenced,
        ],
    )
}

/// When a message is marked as done.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Mark {
    WithEffect,
    Afterwards,
}

#[derive(linkbus::Command)]
#[command(name = "crashes.Pay", error = CompleteError)]
struct Pay {
    invoice: u32,
}

/// The data of the program, in the database of the inbox.
struct Books {
    inbox: SqliteInbox,
    file: std::path::PathBuf,
    mark: Mark,
    /// What is told at each step.
    steps: Steps,
}

impl Books {
    fn open(folder: &Path, mark: Mark, steps: Steps) -> Self {
        fs::create_dir_all(folder).unwrap();
        let file = folder.join("books.db");
        let inbox = SqliteInbox::options().lease(Duration::from_millis(150)).open(&file).unwrap();
        let books = Books { inbox, file, mark, steps };
        books.connect().execute_batch("CREATE TABLE IF NOT EXISTS payments (invoice INTEGER NOT NULL)").unwrap();
        books
    }

    fn connect(&self) -> Connection {
        let connection = Connection::open(&self.file).unwrap();
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection
    }

    /// How often each message was paid, and by whom.
    fn payments(&self) -> Vec<u32> {
        let connection = self.connect();
        let count = |invoice| {
            let sql = "SELECT count(*) FROM payments WHERE invoice = ?";
            connection.query_row(sql, [invoice], |row| row.get(0)).unwrap()
        };
        (0..MESSAGES).map(count).collect()
    }
}

/// What is done at each step of each message.
enum Steps {
    /// It is said, and at the step of this number the process waits to be killed.
    Until(u32, AtomicU32),
    /// It is said, and the process waits for a word before the effect.
    WaitForWord,
    Silent,
}

impl Steps {
    fn at(&self, step: &str, invoice: u32) {
        match self {
            Steps::Silent => {}
            Steps::Until(last, count) => {
                say(&format!("{step} {invoice}"));
                if count.fetch_add(1, SeqCst) + 1 == *last {
                    loop {
                        thread::park();
                    }
                }
            }
            Steps::WaitForWord => {
                say(&format!("{step} {invoice}"));
                if step == "claimed" {
                    std::io::stdin().lines().next().unwrap().unwrap();
                }
            }
        }
    }
}

#[handler]
fn pay(pay: &Pay, context: &Context, books: &Books) -> Result<(), CompleteError> {
    books.steps.at("claimed", pay.invoice);
    let mut connection = books.connect();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("INSERT INTO payments VALUES (?)", params![pay.invoice])?;
    if books.mark == Mark::WithEffect {
        books.inbox.complete_in(&transaction, context)?;
    }
    transaction.commit()?;
    books.steps.at("paid", pay.invoice);
    Ok(())
}

/// A bus that pays, and its inbox.
fn bus(books: Books) -> (SyncBus, Inbox) {
    let inbox = Inbox::new(books.inbox.clone()).key(|pay: &Pay| pay.invoice);
    (SyncBus::builder().provide(books).layer(inbox.clone()).build().unwrap(), inbox)
}

/// A process, to which all messages come, those included that came to another one before.
fn process(mode: &str, folder: &Path, step: u32) {
    let (mark, how) = mode.split_once(' ').unwrap();
    let mark = if mark == "with" { Mark::WithEffect } else { Mark::Afterwards };
    let (messages, steps) = match how {
        "all" => (MESSAGES, Steps::Until(step, AtomicU32::new(0))),
        _ => (1, Steps::WaitForWord),
    };
    let (bus, inbox) = bus(Books::open(folder, mark, steps));
    for invoice in 0..messages {
        let outcome = bus.execute(Pay { invoice });
        say(&outcome.map_or_else(|error| format!("over {invoice}: {error}"), |()| format!("over {invoice}")));
    }
    say(&format!("fenced {}", inbox.counts().fenced()));
}

/// Lets a process wait at a step, kills it there, and lets another one come to its end; gives what was paid, and at which
/// step it was.
fn killed_at(step: u32, mark: &str) -> (Vec<u32>, String) {
    let folder = Folder::new();
    let mode = format!("{mark} all");
    let (said, _) = kill_after(&folder.child(&mode, step), steps_said(step));
    let last = lines(&said).into_iter().rfind(|line| !line.starts_with("over")).unwrap_or_default().to_owned();
    let (_, is_done) = run(&folder.child(&mode, 0));
    assert!(is_done);
    (Books::open(&folder.0, Mark::WithEffect, Steps::Silent).payments(), last)
}

/// How many lines there are up to a step: after two steps there is one that says that a message is over.
fn steps_said(step: u32) -> usize {
    let step = step as usize;
    step + (step - 1) / 2
}

fn killed_at_each_step_the_effect_is_there_once_if_it_is_marked_with_it() {
    for step in 1..=2 * MESSAGES {
        let (payments, at) = killed_at(step, "with");
        assert_eq!(payments, [1; MESSAGES as usize], "killed at `{at}`");
    }
}

fn killed_at_each_step_nothing_is_lost_if_it_is_marked_afterwards() {
    for step in 1..=2 * MESSAGES {
        let (payments, at) = killed_at(step, "after");
        let (what, invoice) = at.split_once(' ').unwrap();
        let mut expected = [1; MESSAGES as usize];
        if what == "paid" {
            // Nobody can know that it was.
            expected[invoice.parse::<usize>().unwrap()] = 2;
        }
        assert_eq!(payments, expected, "killed at `{at}`");
    }
}

/// Two processes have the same messages, and are killed again and again.
fn killed_at_random_beside_each_other_the_effect_is_there_once() {
    let folder = Folder::new();
    let one_of_two = |seed| {
        let (folder, mut random) = (&folder, Random(seed));
        move || {
            for _ in 0..kills() / 6 {
                kill_after(&folder.child("with all", 0), 1 + random.below(3 * MESSAGES as usize));
            }
            assert!(run(&folder.child("with all", 0)).1);
        }
    };
    thread::scope(|scope| {
        scope.spawn(one_of_two(1));
        scope.spawn(one_of_two(2));
    });
    assert_eq!(Books::open(&folder.0, Mark::WithEffect, Steps::Silent).payments(), [1; MESSAGES as usize]);
}

fn killed_at_each_write_the_effect_is_there_once() {
    let mut killed = 0;
    for call in ["pwrite64", "fdatasync", "openat", "ftruncate"] {
        for nth in 1..500 {
            let folder = Folder::new();
            let what = format!("{call}:signal=KILL:when={nth}");
            let (_, is_done) = run(&strace(&what, folder.child("with all", 0)));
            assert!(is_done || run(&folder.child("with all", 0)).1, "{what}");
            let payments = Books::open(&folder.0, Mark::WithEffect, Steps::Silent).payments();
            assert_eq!(payments, [1; MESSAGES as usize], "{what}");
            if is_done {
                break;
            }
            killed += 1;
        }
    }
    println!("killed at {killed} calls");
    assert!(killed > 30, "killed at {killed} calls");
}

/// A process that has claimed a message.
struct Stopped {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Stopped {
    /// Stops it there.
    fn start(folder: &Folder, mode: &str) -> Self {
        let command = folder.child(mode, 0);
        let mut child = Command::new(&command[0]);
        let mut child = child.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut stopped = Stopped { child, output };
        assert_eq!(stopped.line(), "claimed 0");
        stopped.stop(&folder.0.join("books.db"));
        stopped
    }

    /// Stops it, but not while it writes: then nobody else could.
    fn stop(&self, file: &Path) {
        let other = Connection::open(file).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        loop {
            self.signal(Signal::STOP);
            while !self.is_stopped() {
                thread::yield_now();
            }
            if other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
                return;
            }
            self.signal(Signal::CONT);
        }
    }

    fn is_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).unwrap());
        stats.into_iter().all(|stat| stat.contains(") T "))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Lets it go on to its end; gives what it says.
    fn go_on(mut self) -> Vec<String> {
        self.child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
        self.signal(Signal::CONT);
        let said = self.output.lines().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

/// A process is stopped in its handler, this one takes over, and then that one goes on; gives what that one says, and how often
/// the message was paid.
fn stopped_in_its_handler(mark: &str) -> (Vec<String>, u32) {
    let folder = Folder::new();
    let stopped = Stopped::start(&folder, &format!("{mark} one"));
    let books = Books::open(&folder.0, Mark::WithEffect, Steps::Silent);
    let store = books.inbox.clone();
    bus(books).0.execute(Pay { invoice: 0 }).unwrap();
    assert_eq!(store.stats().taken_over, 1);
    let said = stopped.go_on();
    (said, Books::open(&folder.0, Mark::WithEffect, Steps::Silent).payments()[0])
}

fn stopped_for_longer_than_its_lease_it_cannot_commit() {
    let (said, payments) = stopped_in_its_handler("with");
    assert!(said[0].contains("roll back, it is handled elsewhere"), "{said:?}");
    assert_eq!((said.last().unwrap().as_str(), payments), ("fenced 0", 1));
}

fn stopped_for_longer_than_its_lease_it_is_counted_as_fenced() {
    let (said, payments) = stopped_in_its_handler("after");
    assert_eq!(said, ["paid 0", "over 0", "fenced 1"]);
    assert_eq!(payments, 2);
}
