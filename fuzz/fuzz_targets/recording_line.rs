//! Bytes read as a recording: no panic, and what is a record comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkbus::recording::{Reader, Record};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new(bytes).max_line_bytes(1 << 16);
    let records: Vec<Record> = reader.by_ref().filter_map(Result::ok).collect();
    let torn = reader.torn().map_or(0, |torn| torn.bytes);
    assert_eq!(reader.position() + torn, bytes.len() as u64);
    for record in records {
        let line = record.to_line();
        let mut again = Record::from_line(&line).expect("what was written is read");
        assert_eq!(again.to_line(), line);
        // Lines have microseconds.
        again.at = record.at;
        assert_eq!(again, record);
    }
});
