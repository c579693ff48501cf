//! A recording is shown while it is written.

mod support;

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use support::{command, fixture};
use tempfile::TempDir;

/// Nothing that is waited for takes nearly as long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A process that does not outlive its test.
struct Running(Child);

struct Followed {
    child: Running,
    lines: Receiver<String>,
    path: PathBuf,
    _folder: TempDir,
}

/// Follows a file with the first record of the shop.
fn follow(more: &[&str]) -> Followed {
    follow_either(false, more)
}

/// The same by its folder.
fn follow_folder(more: &[&str]) -> Followed {
    follow_either(true, more)
}

fn follow_either(by_folder: bool, more: &[&str]) -> Followed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run_1.jsonl");
    fs::write(&path, line(0)).unwrap();
    let shown = if by_folder { folder.path() } else { &path };
    let arguments = [&["show", shown.to_str().unwrap(), "--follow", "--json"], more].concat();
    let mut child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (sender, lines) = channel();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line + "\n")));
    Followed { child: Running(child), lines, path, _folder: folder }
}

impl Followed {
    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line within the deadline")
    }

    fn append(&self, text: &str) {
        OpenOptions::new().append(true).open(&self.path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// What is put beside it, as a writer does that begins another run.
    fn beside(&self, name: &str, text: &str) {
        fs::write(self.path.with_file_name(name), text).unwrap();
    }

    /// How it ends, and what it said on the standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let (code, mut said) = (self.child.code(), String::new());
        self.child.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }

    /// Waits until the command has read the file up to its end, as the system tells.
    #[cfg(target_os = "linux")]
    fn wait_until_all_is_read(&self) {
        let length = fs::metadata(&self.path).unwrap().len();
        let opened = self.path.canonicalize().unwrap();
        let process = PathBuf::from(format!("/proc/{}", self.child.0.id()));
        let files = process.join("fd").read_dir().unwrap().map(|entry| entry.unwrap());
        let file = files.into_iter().find(|file| fs::read_link(file.path()).is_ok_and(|path| path == opened));
        let info = process.join("fdinfo").join(file.expect("the file is open").file_name());
        until(|| fs::read_to_string(&info).unwrap().starts_with(&format!("pos:\t{length}\n")).then_some(()));
    }
}

impl Running {
    /// Waits until it has ended.
    fn code(&mut self) -> Option<i32> {
        until(|| self.0.try_wait().unwrap()).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("it has not come to pass within the deadline");
}

fn line(index: usize) -> String {
    String::from_utf8(fixture("shop.jsonl")).unwrap().split_inclusive('\n').nth(index).unwrap().to_owned()
}

#[test]
fn what_is_appended_is_shown() {
    let followed = follow(&[]);
    assert_eq!(followed.next(), line(0));
    followed.append(&line(1));
    assert_eq!(followed.next(), line(1));
    followed.append(&(line(2) + &line(3)));
    assert_eq!([followed.next(), followed.next()], [line(2), line(3)]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_line_that_is_half_written_is_shown_when_it_is_whole() {
    let mut followed = follow(&["--limit", "3"]);
    assert_eq!(followed.next(), line(0));
    let (whole, half) = (line(1), line(1).len() / 2);
    followed.append(&whole[..half]);
    followed.wait_until_all_is_read();
    followed.append(&whole[half..]);
    assert_eq!(followed.next(), whole);
    followed.append(&line(2));
    assert_eq!(followed.next(), line(2));
    assert_eq!(followed.child.code(), Some(0), "no line was taken for damaged");
}

#[test]
#[cfg(unix)]
fn it_ends_when_nobody_reads_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run_1.jsonl");
    // A last line that is half written is no reason for a word either.
    fs::write(&path, &line(0)[..50]).unwrap();
    let mut child = command(&["show", path.to_str().unwrap(), "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let (mut stderr, mut said) = (child.stderr.take().unwrap(), String::new());
    // Nothing more is written to the file.
    assert_eq!(Running(child).code(), Some(0));
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn a_file_that_became_shorter_is_told() {
    let mut followed = follow(&[]);
    assert_eq!(followed.next(), line(0));
    File::options().write(true).open(&followed.path).unwrap().set_len(10).unwrap();
    let (code, said) = followed.end();
    assert_eq!(code, Some(2));
    assert!(said.contains("it became shorter while it was followed") && said.contains("show it again"), "{said}");
}

#[test]
fn a_run_that_is_begun_in_a_folder_is_followed_behind_all_of_the_one_before() {
    let mut followed = follow_folder(&["--limit", "5"]);
    assert_eq!(followed.next(), line(0));
    followed.append(&line(1));
    followed.beside("notes.jsonl", "not a run");
    followed.beside("run_2.jsonl", &line(2));
    assert_eq!([followed.next(), followed.next()], [line(1), line(2)]);
    // What was read may be removed, as a store does that keeps so many runs.
    fs::remove_file(&followed.path).unwrap();
    followed.beside("run_3.jsonl", &line(3));
    assert_eq!(followed.next(), line(3));
    followed.path.set_file_name("run_3.jsonl");
    followed.append(&line(4));
    assert_eq!(followed.next(), line(4));
    let (code, said) = followed.end();
    let read = said.lines().map(|line| line.rsplit_once("run_").unwrap().1);
    assert_eq!((code, read.collect::<Vec<_>>()), (Some(0), vec!["1.jsonl", "2.jsonl", "3.jsonl"]));
}

#[test]
fn the_end_of_a_run_that_a_crash_left_is_told_when_the_next_is_begun() {
    let mut followed = follow_folder(&["--limit", "2"]);
    assert_eq!(followed.next(), line(0));
    followed.append(&line(1)[..50]);
    followed.beside("run_2.jsonl", &line(2));
    assert_eq!(followed.next(), line(2));
    let (code, said) = followed.end();
    assert_eq!(code, Some(1));
    assert!(said.contains("run_1.jsonl: the last line, at byte ") && said.contains("is half written"), "{said}");
}

#[test]
fn a_file_that_is_followed_by_its_name_is_not_left() {
    let followed = follow(&[]);
    assert_eq!(followed.next(), line(0));
    followed.beside("run_2.jsonl", &line(1));
    followed.append(&line(2));
    assert_eq!(followed.next(), line(2));
}
