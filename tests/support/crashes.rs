//! Processes that are killed: at every system call, and at random.
//!
//! A test program without a harness is its own victim: called with `child`, it does what the test wants to see killed, and
//! says on its standard output what it knows to be done.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader, IoSlice, Read as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// A test of such a program.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) needs_strace: bool,
    pub(crate) run: fn(),
}

/// The tests of these functions; `name: strace` is one that traces.
macro_rules! tests {
    ($($run:ident $(: $needs:ident)?),* $(,)?) => {
        [$($crate::crashes::Test {
            name: stringify!($run),
            needs_strace: [$(stringify!($needs))?].contains(&"strace"),
            run: $run,
        }),*]
    };
}
pub(crate) use tests;

/// Runs the victim, which is given a mode, a folder and a count; or the tests.
pub(crate) fn main(victim: fn(&str, &Path, u32), tests: &[Test]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [child, mode, folder, count] = &arguments[..]
        && child == "child"
    {
        victim(mode, Path::new(folder), count.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let has_strace = has_strace();
    let (mut failed, mut skipped) = (0, 0);
    for test in tests.iter().filter(|test| wanted.is_none_or(|wanted| test.name.contains(wanted))) {
        let result = match test.needs_strace && !has_strace {
            true => "SKIPPED",
            false if catch_unwind(AssertUnwindSafe(test.run)).is_ok() => "ok",
            false => "FAILED",
        };
        println!("test {} ... {result}", test.name);
        failed += u32::from(result == "FAILED");
        skipped += u32::from(result == "SKIPPED");
    }
    println!("test result: {failed} failed, {skipped} skipped");
    if skipped > 0 {
        eprintln!(
            "notice: {skipped} tests that kill at system calls did NOT run: `strace` is missing or may not trace"
        );
        eprintln!("        apt-get install strace, and run them again");
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says a line at once and whole, with a system call of its own: `strace` counts those of each thread, and the `write`s are to
/// be those of the store.
pub(crate) fn say(what: &str) {
    let line = format!("{what}\n");
    let written = std::io::stdout().lock().write_vectored(&[IoSlice::new(line.as_bytes())]).unwrap();
    assert_eq!(written, line.len());
}

/// What was said. A line that is not whole was being said when it was killed.
pub(crate) fn lines(output: &[u8]) -> Vec<&str> {
    let whole = output.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    std::str::from_utf8(&output[..whole]).unwrap().lines().collect()
}

/// A folder of the test's own, removed when the test is over.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{}", linkbus::Uuid::now_v7())))
    }

    pub(crate) fn child(&self, mode: &str, count: u32) -> Vec<String> {
        let program = env::current_exe().unwrap().into_os_string().into_string().unwrap();
        let folder = self.0.to_str().unwrap().to_owned();
        vec![program, "child".to_owned(), mode.to_owned(), folder, count.to_string()]
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs a command; gives what it said, and whether it came to its end.
pub(crate) fn run(command: &[String]) -> (Vec<u8>, bool) {
    let output = Command::new(&command[0]).args(&command[1..]).stderr(Stdio::null()).output().unwrap();
    (output.stdout, output.status.success())
}

const SYSTEM_CALLS: [&str; 7] = ["write", "writev", "fdatasync", "fsync", "openat", "unlink", "ftruncate"];

/// Whether `strace` is there and may trace.
fn has_strace() -> bool {
    let probe = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

pub(crate) fn strace(what: &str, child: Vec<String>) -> Vec<String> {
    let traced = what.split(':').next().unwrap().to_owned();
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e"].map(str::to_owned).into_iter();
    strace.chain([format!("trace={traced}"), "-e".to_owned(), format!("inject={what}")]).chain(child).collect()
}

/// Kills `child` at the first, second .. call of each kind until it comes to its end; gives how often it was killed.
pub(crate) fn at_every_call(mut one: impl FnMut(&str, &dyn Fn(Vec<String>) -> Vec<String>) -> bool) -> u32 {
    let mut points = 0;
    for call in SYSTEM_CALLS {
        for nth in 1..500 {
            let what = format!("{call}:signal=KILL:when={nth}");
            if one(&what, &|child| strace(&what, child)) {
                break;
            }
            points += 1;
        }
    }
    points
}

/// A linear congruential generator (Knuth, MMIX): which cycle is killed when need not be more random than this.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// How often a child is killed at random: 120 times, unless the environment says otherwise.
pub(crate) fn kills() -> usize {
    env::var("LINKBUS_KILLS").map_or(120, |kills| kills.parse().expect("a number of kills"))
}

/// Runs a child and kills it when it has said so many lines.
pub(crate) fn kill_after(command: &[String], lines: usize) -> (Vec<u8>, bool) {
    let mut child = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    for _ in 0..lines {
        if output.read_until(b'\n', &mut said).unwrap() == 0 {
            break;
        }
    }
    let is_done = child.try_wait().unwrap().is_some_and(|status| status.success());
    let _ = child.kill();
    // What it said before it died, it did.
    output.read_to_end(&mut said).unwrap();
    child.wait().unwrap();
    (said, is_done)
}
