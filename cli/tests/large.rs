//! A recording that is long: every number of the table is what it has to be.

mod support;

use std::{fmt::Write as _, fs};

use fastrand::Rng;
use serde_json::Value;

const RECORDS: u64 = 60_000;
const MESSAGES: [(&str, &str); 4] = [
    ("query", "shop.PriceOf"),
    ("command", "orders.PlaceOrder"),
    ("event", "orders.OrderPlaced"),
    ("task", "mail.SendMail"),
];

#[derive(Default)]
struct Expected {
    durations: Vec<u64>,
    failed: u64,
}

/// 20 MB, and what is in it, message by message.
fn generate() -> (String, [Expected; 4]) {
    let (mut text, mut expected) = (String::new(), <[Expected; 4]>::default());
    let mut random = Rng::with_seed(11);
    for number in 0..RECORDS {
        let which = random.usize(..4);
        let (kind, name) = MESSAGES[which];
        let duration = 1 << random.u32(4..30);
        let duration = random.u64(duration..2 * duration);
        let is_failed = random.u8(..50) == 0;
        let (outcome, error) = if is_failed { ("failed", "\"the till is broken\"") } else { ("succeeded", "null") };
        let second = number / 1000;
        writeln!(
            text,
            r#"{{"ts":"2025-06-01T12:00:{second:02}.{:03}000Z","type":"{kind}","class":"M","payload":{{"number":{number}}},"duration_ns":{duration},"result":null,"error":{error},"v":1,"message":"{name}","outcome":"{outcome}","id":"01977e3f-0000-7000-8000-{number:012}","correlation_id":"01977e3f-0000-7000-8000-{number:012}","causation_id":null,"handler":"shop::handlers::handle","attempt":1,"nested":false,"thread":"main","task":null}}"#,
            number % 1000,
        )
        .unwrap();
        expected[which].durations.push(duration);
        expected[which].failed += u64::from(is_failed);
    }
    (text, expected)
}

#[test]
fn stats_are_right_over_twenty_megabytes() {
    let (text, mut expected) = generate();
    assert!(text.len() > 20_000_000, "{}", text.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.jsonl");
    fs::write(&file, text).unwrap();
    let stats: Value = serde_json::from_str(&support::stdout(&["stats", file.to_str().unwrap(), "--json"])).unwrap();

    assert_eq!((&stats["records"], &stats["damaged_lines"]), (&RECORDS.into(), &0.into()));
    let rate = stats["per_second"].as_f64().unwrap();
    assert!((rate - 1000.0).abs() < 0.1, "{rate}");
    for (expected, (_, name)) in expected.iter_mut().zip(MESSAGES) {
        let row = stats["messages"].as_array().unwrap().iter().find(|row| row["message"] == name).unwrap();
        assert_row(row, expected);
    }
}

fn assert_row(row: &Value, expected: &mut Expected) {
    let durations = &mut expected.durations;
    durations.sort_unstable();
    assert_eq!((&row["count"], &row["failures"]["failed"]), (&durations.len().into(), &expected.failed.into()));
    assert_eq!(row["min_ns"].as_u64(), durations.first().copied());
    assert_eq!(row["max_ns"].as_u64(), durations.last().copied());
    for (key, percent) in [("p50_ns", 50), ("p95_ns", 95), ("p99_ns", 99)] {
        let exact = durations[(durations.len() * percent).div_ceil(100) - 1];
        let shown = row[key].as_u64().unwrap();
        assert!(shown.abs_diff(exact) <= exact / 100 + 1, "{key}: {shown} for {exact}");
    }
    let over_time: Vec<u64> =
        row["over_time"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    let (sum, mean) = (over_time.iter().sum::<u64>(), durations.len() as u64 / 24);
    assert_eq!((sum, over_time.len()), (durations.len() as u64, 24));
    assert!(over_time.iter().all(|count| count.abs_diff(mean) < mean / 4), "a steady rate is flat: {over_time:?}");
}
