use std::time::Duration;

use super::*;
use crate::{
    layer::Reason,
    message::Kind,
    recording::{Ended, HandlerName, Withheld, Worker, record::Texts},
};
use uuid::Uuid;

/// All that JSON escapes, and what plays with those who read it.
const NASTY: &str = "a\"b\\c/\n\r\t\0\u{1b}[31m\u{7f}\u{202e}gnp.exe\u{2028}\u{feff}🍵../../etc";

fn at_micros(micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// A record with something in every field.
fn full() -> Record {
    Record {
        at: at_micros(1_764_086_400_000_123),
        kind: Kind::Query,
        message: "shop.PriceOf".into(),
        class: "PriceOf".into(),
        duration: Duration::from_nanos(740),
        ended: Ended::Succeeded,
        id: Uuid::from_u128(1),
        correlation_id: Uuid::from_u128(2),
        causation_id: Some(Uuid::from_u128(3)),
        handler: Some(HandlerName { module: "shop::prices".into(), name: "price_of".into() }),
        attempt: 4,
        is_nested: true,
        worker: Worker { thread: "main".into(), task: Some(TaskId(Task::Read(17))) },
        withheld: None,
        is_redacted: true,
        texts: Texts::of(Some(r#"{"item":"tea"}"#), Some("[1,2]"), Some("no tea")),
    }
}

/// One with nothing in all that may be empty.
fn bare() -> Record {
    Record {
        causation_id: None,
        handler: None,
        worker: Worker { thread: "".into(), task: None },
        withheld: Some(Withheld::TooLarge),
        is_redacted: false,
        is_nested: false,
        texts: Texts::default(),
        ..full()
    }
}

#[track_caller]
fn assert_comes_back(record: &Record) {
    let line = record.to_line();
    assert_eq!(Record::from_line(&line).as_ref(), Ok(record), "{line}");
    assert!(!line.bytes().any(|byte| byte < 0x20), "it is one line, and nothing in it steers a terminal: {line:?}");
}

#[test]
fn every_field_comes_back() {
    assert_comes_back(&full());
    assert_comes_back(&bare());
    // `PartialEq` of `Record` sees every field; this sees that the sample has something in each.
    assert_eq!(
        full().to_line(),
        concat!(
            r#"{"ts":"2025-11-25T16:00:00.000123Z","type":"query","class":"PriceOf","payload":{"item":"tea"},"#,
            r#""duration_ns":740,"result":[1,2],"error":"no tea","v":1,"message":"shop.PriceOf","outcome":"succeeded","#,
            r#""id":"00000000-0000-0000-0000-000000000001","correlation_id":"00000000-0000-0000-0000-000000000002","#,
            r#""causation_id":"00000000-0000-0000-0000-000000000003","handler":"shop::prices::price_of","attempt":4,"#,
            r#""nested":true,"thread":"main","task":17,"redacted":true}"#
        )
    );
}

#[test]
fn every_kind_outcome_and_reason_to_withhold_comes_back() {
    for kind in Kind::ALL {
        assert_comes_back(&Record { kind, ..full() });
    }
    let failed = Reason::ALL.into_iter().map(Ended::Failed);
    for ended in failed.chain([Ended::Panicked, Ended::Abandoned]) {
        assert_comes_back(&Record { ended, ..full() });
    }
    for label in ["left_out", "not_serialize", "failed", "too_large", "secret_not_found", "gone"] {
        assert_comes_back(&Record { withheld: Withheld::from_label(label), ..bare() });
    }
}

#[test]
fn texts_with_escapes_and_texts_that_are_long_come_back() {
    for text in [NASTY.to_owned(), "é".repeat(2048), String::new(), "::".to_owned()] {
        let nasty = Record {
            message: text.clone().into(),
            class: text.clone().into(),
            handler: Some(HandlerName { module: "m".into(), name: text.replace(':', "").into() }),
            worker: Worker { thread: text.as_str().into(), task: None },
            texts: Texts::of(Some("[]"), None, Some(&text)),
            ..full()
        };
        assert_comes_back(&nasty);
    }
}

#[test]
fn a_handler_that_was_registered_by_hand_has_no_module() {
    let handler = Some(HandlerName { module: "".into(), name: "closure".into() });
    assert_comes_back(&Record { handler, ..full() });
}

#[test]
fn the_largest_numbers_come_back() {
    assert_comes_back(&Record {
        duration: Duration::from_nanos(u64::MAX),
        attempt: u32::MAX,
        worker: Worker { thread: "t".into(), task: Some(TaskId(Task::Read(u64::MAX))) },
        ..full()
    });
}

#[test]
fn times_at_the_ends_of_what_has_a_form_come_back() {
    assert_comes_back(&Record { at: SystemTime::UNIX_EPOCH, ..full() });
    let last = Record { at: at_micros(253_402_300_799_999_999), ..full() };
    assert_comes_back(&last);
    // A leap second is not in the year 10000, which could not be written.
    let leap = Record::from_line(&last.to_line().replace("59:59.999999Z", "59:60Z")).unwrap();
    assert_comes_back(&leap);
}

#[test]
fn a_time_before_1970_is_written_as_its_beginning() {
    let early = Record { at: SystemTime::UNIX_EPOCH - Duration::from_secs(1), ..full() };
    assert!(early.to_line().starts_with(r#"{"ts":"1970-01-01T00:00:00.000000Z""#));
}

#[test]
fn a_payload_that_is_null_is_there() {
    let unit = Record { texts: Texts::of(Some("null"), None, None), ..full() };
    assert_comes_back(&unit);
    assert_eq!(unit.payload(), Some("null"));
}

const OF_PYTHON: &str = r#"{"ts":"2026-11-25T16:00:00.000123","type":"command","class":"Pay","payload":{"to":"caf\u00e9"},"duration_ns":740,"result":null,"error":"ValueError('no')"}"#;

#[test]
fn a_line_of_py_message_bus_is_read() {
    let record = Record::from_line(OF_PYTHON).unwrap();
    assert_eq!((&*record.message, &*record.class, record.kind), ("Pay", "Pay", Kind::Command));
    assert_eq!(record.at, at_micros(1_795_622_400_000_123));
    assert_eq!((record.ended, record.error()), (Ended::Failed(Reason::Handler), Some("ValueError('no')")));
    assert_eq!((record.id, record.attempt, record.is_nested), (Uuid::nil(), 1, false));
    assert_eq!((record.payload(), record.result()), (Some(r#"{"to":"caf\u00e9"}"#), None));
    assert!(Record::from_line(&OF_PYTHON.replace(r#""ValueError('no')""#, "null")).unwrap().is_success());
}

#[test]
fn nan_as_python_writes_it_is_told() {
    let problem = Record::from_line(&OF_PYTHON.replace("740", "NaN")).unwrap_err().to_string();
    assert!(problem.starts_with("the line is not a record: expected value"), "{problem}");
}

#[test]
fn keys_of_a_later_minor_version_are_passed_over() {
    let line = full().to_line();
    let more = line.replacen('{', r#"{"region":{"name":["eu",{"v":9}]},"#, 1);
    assert_eq!(Record::from_line(&more), Ok(full()));
}

#[test]
fn a_newer_version_is_refused_whatever_its_keys_hold() {
    let line = full().to_line().replace(r#""v":1"#, r#""v":2"#);
    let refused = Err(LineError::Newer { version: 2 });
    assert_eq!(Record::from_line(&line), refused);
    assert_eq!(Record::from_line(r#"{"v":2,"ts":17,"outcome":{"ok":true}}"#), refused);
    assert_eq!(Record::from_line(r#"{"ts":17,"v":2}"#), refused);
    assert_eq!(
        LineError::Newer { version: 2 }.to_string(),
        "the line has version 2 of the format, and this linkbus reads up to version 1: use a later linkbus"
    );
}

#[test]
fn a_key_that_is_missing_is_named() {
    let line = full().to_line();
    let keys = ["ts", "type", "class", "payload", "duration_ns", "message", "outcome", "id", "correlation_id"];
    for key in keys {
        let without = line.replace(&format!("\"{key}\":"), "\"other\":");
        let expected = LineError::Malformed { problem: format!("`{key}` is missing") };
        assert_eq!(Record::from_line(&without), Err(expected), "{without}");
    }
}

#[test]
fn a_value_that_is_unknown_is_told_with_its_key() {
    for (known, key) in [
        (r#""type":"query""#, "type"),
        (r#""outcome":"succeeded""#, "outcome"),
        (r#""id":"00000000-0000-0000-0000-000000000001""#, "id"),
        (r#""ts":"2025-11-25T16:00:00.000123Z""#, "ts"),
    ] {
        let line = full().to_line().replace(known, &format!(r#""{key}":"?""#));
        let problem = Record::from_line(&line).unwrap_err().to_string();
        assert!(problem.contains(&format!("`{key}` is ")), "{problem}");
    }
}

#[test]
fn a_line_feed_behind_the_line_is_no_part_of_it() {
    let line = full().to_line();
    let with_feed = format!("{line}\r\n");
    assert_eq!(RecordRef::of_line(&with_feed).unwrap().line(), line);
}

#[test]
fn two_lines_are_not_one_record() {
    let line = full().to_line().replace(r#"{"item""#, "{\n\"item\"");
    let problem = "it is more than one line".to_owned();
    assert_eq!(Record::from_line(&line), Err(LineError::Malformed { problem }));
}

#[test]
fn a_gap_is_read_as_what_it_is_and_is_no_record() {
    let mut line = Vec::new();
    write_gap(at_micros(1), 7, &mut line);
    let line = String::from_utf8(line).unwrap();
    assert!(matches!(parse(&line), Ok(Said::Gap(7))), "{line}");
    assert!(Record::from_line(&line).is_err());
}

#[test]
fn a_record_that_borrows_says_what_the_record_says() {
    for line in [full().to_line(), bare().to_line(), OF_PYTHON.to_owned()] {
        let (borrowed, record) = (RecordRef::of_line(&line).unwrap(), Record::from_line(&line).unwrap());
        assert_eq!((borrowed.payload(), borrowed.result()), (record.payload(), record.result()));
        assert_eq!((borrowed.error(), borrowed.is_success()), (record.error(), record.is_success()));
        assert_eq!((borrowed.line(), borrowed.to_record()), (&*line, record));
    }
}

#[test]
fn debug_shows_nothing_of_what_was_said() {
    let line = full().to_line();
    let shown = format!("{:?}", RecordRef::of_line(&line).unwrap());
    assert!(shown.contains("shop.PriceOf") && !shown.contains("tea"), "{shown}");
}

/// The reference escapes all that is not ASCII; here it is only what a reader of lines may stumble over.
#[test]
fn what_others_take_for_the_end_of_a_line_is_escaped() {
    let text = "ä\u{85}b\u{2028}c\u{2029}d🍵";
    let json = format!("{{\"{text}\":\"{text}\"}}");
    let record =
        Record { texts: Texts::of(Some(&json), Some(&json), Some(text)), message: text.to_owned().into(), ..full() };
    let line = record.to_line();
    assert!(!line.contains(['\u{85}', '\u{2028}', '\u{2029}']), "{line}");
    assert!(line.contains(r#""error":"ä\u0085b\u2028c\u2029d🍵""#), "{line}");
    let again = Record::from_line(&line).unwrap();
    let values = |record: &Record| {
        [record.payload(), record.result()]
            .map(|json| serde_json::from_str::<serde_json::Value>(json.unwrap()).unwrap())
    };
    assert_eq!(values(&again), values(&record));
    assert_eq!((&again.message, again.error()), (&record.message, record.error()));
    for separator in ["\u{85}", "\u{2028}", "\u{2029}"] {
        let line = Record { message: separator.into(), ..bare() }.to_line();
        assert!(!line.contains(separator), "{line}");
    }
    let mut behind = "before\u{2028}".as_bytes().to_vec();
    record.write_line(&mut behind);
    assert!(behind.starts_with("before\u{2028}{".as_bytes()), "what was there before is left alone");
}
