use std::{cell::RefCell, collections::VecDeque, io, rc::Rc};

use super::*;

const WHOLE: &str = r#"{"ts":"2026-11-25T16:00:00Z","type":"event","class":"Paid","payload":[1],"duration_ns":7,"result":null,"error":null}"#;

fn read(text: &str) -> (Vec<String>, Reader<io::Cursor<Vec<u8>>>) {
    let mut reader = Reader::new(io::Cursor::new(text.as_bytes().to_vec())).max_line_bytes(200);
    let told = reader.by_ref().map(|read| read.map_or_else(|error| error.to_string(), |record| record.class.into()));
    (told.collect(), reader)
}

#[test]
fn a_last_line_that_is_half_written_is_told_with_its_place() {
    let (told, reader) = read(&format!("{WHOLE}\n{WHOLE}\n{}", &WHOLE[..40]));
    assert_eq!(told, ["Paid", "Paid"]);
    let offset = 2 * (WHOLE.len() as u64 + 1);
    assert_eq!((reader.torn(), reader.position()), (Some(Torn { offset, bytes: 40 }), offset));
}

#[test]
fn a_last_line_that_is_whole_but_for_its_line_feed_is_read() {
    let (told, reader) = read(&format!("{WHOLE}\n{WHOLE}"));
    assert_eq!((told.len(), reader.torn()), (2, None));
}

#[test]
fn what_is_damaged_is_told_and_passed_over() {
    let (told, reader) = read(&format!("{{}}\n\n{WHOLE}\n{}\n{WHOLE}\n", "x".repeat(500)));
    assert!(told[0].starts_with("line 1, at byte 0: the line is not a record"), "{told:?}");
    assert_eq!(told[1], "Paid");
    assert_eq!(told[2], format!("line 4, at byte {}, is longer than 200 bytes", WHOLE.len() + 5));
    assert_eq!((&*told[3], told.len(), reader.torn()), ("Paid", 4, None));
}

#[test]
fn a_line_of_just_the_limit_is_read() {
    for (more, is_read) in [(0, true), (1, false)] {
        let limit = WHOLE.len() as u64 - more;
        let text = format!("{WHOLE}\n{WHOLE}\n");
        let told: Vec<_> = Reader::new(text.as_bytes()).max_line_bytes(limit).collect();
        assert_eq!(told.iter().filter(|read| read.is_ok()).count(), if is_read { 2 } else { 0 });
        assert_eq!(told.len(), 2);
    }
}

#[test]
fn what_was_dropped_is_counted() {
    let gap = r#"{"ts":"2026-11-25T16:00:00Z","type":"gap","dropped":7,"v":1}"#;
    let (told, reader) = read(&format!("{WHOLE}\n{gap}\n{gap}\n{WHOLE}\n"));
    assert_eq!((told.len(), reader.missing()), (2, 14));
}

#[test]
fn a_later_version_is_refused_with_what_to_do() {
    let (told, _) = read("{\"v\":2,\"news\":[1]}\n");
    assert!(told[0].contains("version 2") && told[0].contains("use a later linkbus"), "{told:?}");
}

/// A file that grows while it is read.
#[derive(Clone, Default)]
struct Growing(Rc<RefCell<VecDeque<u8>>>);

impl Growing {
    fn grow(&self, text: &str) {
        self.0.borrow_mut().extend(text.as_bytes());
    }
}

impl io::Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

fn growing() -> (Growing, Reader<BufReader<Growing>>) {
    let file = Growing::default();
    (file.clone(), Reader::new(BufReader::with_capacity(7, file)).max_line_bytes(200))
}

fn next(reader: &mut Reader<impl BufRead>) -> Option<String> {
    reader.next_with(|read| read.map_or_else(|error| error.to_string(), |record| record.class.into()))
}

#[test]
fn a_file_that_has_grown_is_read_on_within_a_line() {
    let (file, mut reader) = growing();
    let line = format!("{WHOLE}\n");
    for cut in 1..WHOLE.len() {
        file.grow(&line[..cut]);
        assert_eq!((next(&mut reader), next(&mut reader)), (None, None));
        assert_eq!(reader.torn().unwrap().bytes, cut as u64);
        file.grow(&line[cut..]);
        assert_eq!((next(&mut reader).as_deref(), reader.torn()), (Some("Paid"), None));
    }
    assert_eq!(reader.position(), line.len() as u64 * (WHOLE.len() as u64 - 1));
}

#[test]
fn a_line_feed_that_comes_late_is_no_line_of_its_own() {
    let (file, mut reader) = growing();
    file.grow(WHOLE);
    assert_eq!(next(&mut reader).as_deref(), Some("Paid"));
    file.grow("\n?\n");
    let told = next(&mut reader).unwrap();
    assert!(told.starts_with(&format!("line 2, at byte {}", WHOLE.len() + 1)), "{told}");
}

#[test]
fn the_rest_of_a_line_that_is_too_long_is_no_line_of_its_own() {
    let (file, mut reader) = growing();
    file.grow(&"x".repeat(300));
    assert_eq!(next(&mut reader).as_deref(), Some("line 1, at byte 0, is longer than 200 bytes"));
    file.grow(&"x".repeat(300));
    assert_eq!((next(&mut reader), reader.position()), (None, 600));
    file.grow(&format!("x\n{WHOLE}\n?\n"));
    assert_eq!(next(&mut reader).as_deref(), Some("Paid"));
    let told = next(&mut reader).unwrap();
    assert!(told.starts_with(&format!("line 3, at byte {}", 602 + WHOLE.len() + 1)), "{told}");
}

#[test]
fn a_whole_line_of_a_later_version_is_not_a_torn_one() {
    let (told, reader) = read("{\"v\":2}");
    assert_eq!((told.len(), reader.torn()), (1, None));
}

#[test]
fn after_a_failure_of_the_disk_there_is_nothing_more() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    let mut reader = Reader::new(BufReader::new(Broken));
    assert!(reader.next().unwrap().unwrap_err().is_fatal());
    assert!(reader.next().is_none());
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let told: Vec<_> = Reader::new(&b"\xff\n"[..]).map(|read| read.unwrap_err().to_string()).collect();
    assert_eq!(told, ["line 1, at byte 0: the line is not a record: it is not UTF-8"]);
}

#[test]
fn what_cannot_be_opened_is_told_with_what_to_do() {
    let below_a_file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml/run_1.jsonl");
    for (path, what_to_do) in [
        ("", "`` cannot be read: its name is empty, name a file such as run_1.jsonl"),
        (env!("CARGO_MANIFEST_DIR"), "it is a folder, open one of its `runs`, of which the last is the newest"),
        ("no/such/file", "`no/such/file` cannot be read: check its name, and from which folder it is looked for"),
        #[cfg(unix)]
        (below_a_file, "a part of its path is a file and no folder, check the path"),
    ] {
        let Err(error) = Reader::open(path) else { panic!("`{path}` was opened") };
        assert!(error.is_fatal() && error.to_string().ends_with(what_to_do), "{error}");
    }
}
