//! What must be true of any bytes that are read as a recording. The fuzz target of the folder `fuzz` asks the same.

use linkbus::recording::{Reader, Record};

/// How many records are in `bytes`. All of it is read, without a panic, and what is a record comes back.
pub(crate) fn read(bytes: &[u8]) -> usize {
    let mut reader = Reader::new(bytes).max_line_bytes(1 << 16);
    let records: Vec<Record> = reader.by_ref().filter_map(Result::ok).collect();
    let torn = reader.torn().map_or(0, |torn| torn.bytes);
    assert_eq!(reader.position() + torn, bytes.len() as u64, "all of it was read");
    records.iter().for_each(assert_comes_back);
    records.len()
}

fn assert_comes_back(record: &Record) {
    let line = record.to_line();
    assert!(!line.contains('\n') && !has_separator(&line), "{line}");
    let mut again = Record::from_line(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(again.to_line(), line);
    // Lines have microseconds.
    again.at = record.at;
    let is_escaped = [record.payload(), record.result()].into_iter().flatten().any(has_separator);
    if !is_escaped {
        assert_eq!(&again, record, "{line}");
    }
}

/// Whether there is what some take for the end of a line.
fn has_separator(text: &str) -> bool {
    text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}
