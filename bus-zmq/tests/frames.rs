//! Frames as bytes: those of `docs/wire.md`, and those that are none.

use std::time::Duration;

use bus_zmq::protocol::{Content, Frame, Head, Hello, Malformed, Reject, Served, Welcome, frames};
use linkbus::Kind;

fn all() -> Vec<(&'static str, Frame)> {
    let content = || Content::new(b"\x80", b"hi");
    let serves =
        vec![Served { kind: Kind::Query, name: "ask".into() }, Served { kind: Kind::Event, name: "happened".into() }];
    let welcome = Welcome {
        session: 1,
        hub: [0xab; 16],
        heartbeat: Duration::from_secs(1),
        max_frame: 1 << 20,
        routes: vec!["ask".to_owned()],
    };
    let head = Head { kind: Kind::Command, attempt: 1, time_left: Some(Duration::from_secs(5)), name: "do".into() };
    let endless = Head { kind: Kind::Task, time_left: None, ..head.clone() };
    vec![
        ("hello", Frame::Hello(Hello { session: 1, credit: 32, events: 1024, serves })),
        ("welcome", Frame::Welcome(welcome)),
        ("who", Frame::Who),
        ("routes", Frame::Routes(vec!["ask".to_owned(), "do".to_owned()])),
        ("request", Frame::Request { sequence: 7, head, content: content() }),
        ("request without deadline", Frame::Request { sequence: 8, head: endless, content: content() }),
        ("work", Frame::Work { lease: 9, attempt: 2, content: content() }),
        ("done", Frame::Done { id: 9, body: b"hi"[..].into() }),
        ("failed", Frame::Failed { id: 9, error: b"\x80"[..].into() }),
        ("reject", Frame::Reject { id: 7, why: Reject::NoHandler }),
        ("return", Frame::Return { lease: 9 }),
        ("event", Frame::Event { number: 3, content: content() }),
        ("credit", Frame::Credit { events: 256 }),
        ("heartbeat", Frame::Heartbeat { frames: 12, events: 3 }),
        ("goodbye", Frame::Goodbye),
    ]
}

fn bytes(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.append_to(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// `BLESS=1` writes the file: other programs speak like this, so a difference is a new version.
#[test]
fn the_bytes_of_each_frame_stay_what_they_are() {
    let lines: Vec<_> = all().iter().map(|(name, frame)| format!("{name}: {}\n", hex(&bytes(frame)))).collect();
    let written = lines.concat();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frames.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(path).unwrap());
}

#[test]
fn what_was_written_is_read_as_it_was_several_in_a_row() {
    let mut message = Vec::new();
    for (_, frame) in all() {
        frame.append_to(&mut message);
    }
    let read: Vec<_> = frames(&message).map(|frame| Frame::from_bytes(frame.unwrap()).unwrap()).collect();
    assert_eq!(read, all().into_iter().map(|(_, frame)| frame).collect::<Vec<_>>());
}

#[test]
fn a_frame_that_is_cut_anywhere_or_has_too_much_is_malformed() {
    for (name, frame) in all() {
        let whole = bytes(&frame);
        for length in 1..whole.len() {
            let cut: Vec<_> = frames(&whole[..length]).collect();
            assert_eq!(cut, [Err(Malformed::Unreadable)], "{name} up to {length}");
        }
        let fields = &whole[4..];
        for length in 0..fields.len() {
            // Bodies and errors have no end of their own.
            let ends_anywhere = matches!(frame, Frame::Done { .. } | Frame::Failed { .. }) && length >= 10;
            let has_body = matches!(frame, Frame::Request { .. } | Frame::Work { .. } | Frame::Event { .. });
            let ends_anywhere = ends_anywhere || has_body && length >= fields.len() - 2;
            assert_eq!(Frame::from_bytes(&fields[..length]).is_ok(), ends_anywhere, "{name} up to {length}");
        }
        let longer = [fields, &[0]].concat();
        let may_be_longer = matches!(
            frame,
            Frame::Done { .. }
                | Frame::Failed { .. }
                | Frame::Request { .. }
                | Frame::Work { .. }
                | Frame::Event { .. }
        );
        assert_eq!(Frame::from_bytes(&longer).is_ok(), may_be_longer, "{name} and one byte more");
    }
}

#[test]
fn other_versions_and_types_are_unknown() {
    for bytes in [&[2, 14][..], &[0, 14], &[1, 0], &[1, 15], &[1, 255], &[1], &[]] {
        assert_eq!(Frame::from_bytes(bytes), Err(Malformed::Unknown), "{bytes:?}");
    }
}
