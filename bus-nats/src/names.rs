//! What things are called on the server. A wire name may hold any character, a subject and the name of a consumer may not.

mod keys;

use linkbus::Kind;

pub(crate) use self::keys::{keyed_in_consumer, order, with_any_key, with_key};

/// What begins a byte that is written as two digits. It is not `%`: a server of version 2.9 takes the name of a consumer for the
/// format of a text, and its messages are then not understood.
const MARK: char = '=';
/// An empty part of a name, which a subject cannot have.
const EMPTY: &str = "=";

/// What a kind is called in subjects and in the names of streams.
pub(crate) fn token(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "q",
        Kind::Command => "cmd",
        Kind::Event => "evt",
        Kind::Task => "task",
    }
}

/// The subject of a message: `linkbus.cmd.shop.Ship`.
pub(crate) fn subject(prefix: &str, kind: Kind, name: &str) -> String {
    format!("{prefix}.{}.{}", token(kind), in_subject(name))
}

/// The stream of a kind: `linkbus_cmd`.
pub(crate) fn stream(prefix: &str, kind: Kind) -> String {
    format!("{prefix}_{}", token(kind))
}

/// Where a letter about a message goes: `linkbus.dead.cmd.shop.Ship`.
pub(crate) fn dead(prefix: &str, kind: Kind, name: &str) -> String {
    format!("{prefix}.dead.{}.{}", token(kind), in_subject(name))
}

/// Which message a letter is about, by the subject where it [went](dead); `None` if there is none.
pub(crate) fn of_dead(prefix: &str, subject: &str) -> Option<(Kind, String)> {
    let (kind, name) = subject.strip_prefix(prefix)?.strip_prefix(".dead.")?.split_once('.')?;
    let kind = [Kind::Command, Kind::Event, Kind::Task].into_iter().find(|known| token(*known) == kind)?;
    let part = |part: &str| if part == EMPTY { Some(String::new()) } else { decoded(part, b'=') };
    Some((kind, name.split('.').map(part).collect::<Option<Vec<_>>>()?.join(".")))
}

/// Where it is noted that the letter at this place was replayed and failed again: `linkbus.dead.replays.17`.
pub(crate) fn replays(prefix: &str, sequence: u64) -> String {
    format!("{prefix}.dead.replays.{sequence}")
}

/// The stream of messages for later: `linkbus_later`.
pub(crate) fn later_stream(prefix: &str) -> String {
    format!("{prefix}_later")
}

/// Where a message waits until it is due, by its id: `linkbus.later.wait.ID`.
pub(crate) fn waiting(prefix: &str, id: &str) -> String {
    format!("{prefix}.later.wait.{id}")
}

/// Where a message is that is due and not yet where it would have been sent at once: `linkbus.later.due.task.shop.Remind`.
pub(crate) fn due(prefix: &str, subject: &str) -> String {
    format!("{prefix}.later.due{}", subject.strip_prefix(prefix).unwrap_or(subject))
}

/// Where a message that is [due](due) would have been sent at once.
pub(crate) fn of_due(prefix: &str, due: &str) -> String {
    let subject = due.strip_prefix(prefix).and_then(|due| due.strip_prefix(".later.due"));
    format!("{prefix}{}", subject.unwrap_or(due))
}

/// The subjects of all that is due.
pub(crate) fn all_due(prefix: &str) -> String {
    format!("{prefix}.later.due.>")
}

/// The subjects of the stream of messages for later. What is due can only be what has a queue.
pub(crate) fn of_later(prefix: &str) -> Vec<String> {
    vec![
        waiting(prefix, "*"),
        due(prefix, &format!("{prefix}.{}.>", token(Kind::Command))),
        due(prefix, &format!("{prefix}.{}.>", token(Kind::Task))),
    ]
}

/// A wire name within a subject: what is no letter, digit, `-`, `_` or dot is written as `=` and two digits for each byte.
fn in_subject(name: &str) -> String {
    escaped(name, ".", |byte| matches!(byte, b'-' | b'_'))
}

/// A wire name, or that of a group, in the name of a consumer, which has no dots: `shop_Ship`.
pub(crate) fn in_consumer(name: &str) -> String {
    escaped(name, "_", |byte| byte == b'-')
}

/// The parts of a name between dots, joined by something else.
fn escaped(name: &str, joint: &str, stays: impl Fn(u8) -> bool) -> String {
    let part = |part: &str| match part {
        "" => EMPTY.to_owned(),
        part => encoded(part, MARK, |byte| byte.is_ascii_alphanumeric() || stays(byte)),
    };
    name.split('.').map(part).collect::<Vec<_>>().join(joint)
}

/// A text in which each byte that does not stay is `%` and two digits.
pub(crate) fn percent_encoded(text: &str, stays: impl Fn(u8) -> bool) -> String {
    encoded(text, '%', stays)
}

fn encoded(text: &str, mark: char, stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(byte.into());
        } else {
            encoded.push(mark);
            encoded.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
    }
    encoded
}

/// The text that was [encoded](percent_encoded); a `%` without two digits stands for itself.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    decoded(text, b'%')
}

fn decoded(text: &str, mark: u8) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| *byte == mark);
        let code = digits.and_then(|(digits, after)| Some((hex(digits)?, after)));
        let (byte, after) = code.unwrap_or((*byte, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8(decoded).ok()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(value(high)? << 4 | value(low)?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const NAMES: [&str; 13] =
        ["shop.Ship", "shop_Ship", "shop..Ship", ".", "", "%", "%25", "=", "a b", "*", ">", "größe.Maß", "shop.Ship\n"];

    #[test]
    fn usual_names_are_readable() {
        assert_eq!(subject("linkbus", Kind::Command, "shop.Ship"), "linkbus.cmd.shop.Ship");
        assert_eq!(in_consumer("shop.Ship"), "shop_Ship");
        assert_eq!(dead("linkbus", Kind::Task, "shop.Ship"), "linkbus.dead.task.shop.Ship");
    }

    #[test]
    fn the_subject_of_a_letter_says_what_it_is_about() {
        for name in NAMES {
            for kind in [Kind::Command, Kind::Event, Kind::Task] {
                assert_eq!(of_dead("linkbus", &dead("linkbus", kind, name)), Some((kind, name.to_owned())));
            }
        }
        assert_eq!(of_dead("linkbus", &replays("linkbus", 17)), None);
    }

    #[test]
    fn what_is_due_goes_where_it_would_have_gone_at_once() {
        for name in NAMES {
            let at_once = subject("linkbus", Kind::Task, name);
            assert_eq!(of_due("linkbus", &due("linkbus", &at_once)), at_once);
        }
        assert_eq!(due("linkbus", "linkbus.task.shop.Remind"), "linkbus.later.due.task.shop.Remind");
        assert_eq!(of_later("linkbus")[1..], ["linkbus.later.due.cmd.>", "linkbus.later.due.task.>"]);
    }

    #[test]
    fn no_two_names_become_one() {
        let subjects: HashSet<_> = NAMES.iter().map(|name| in_subject(name)).collect();
        let consumers: HashSet<_> = NAMES.iter().map(|name| in_consumer(name)).collect();
        assert_eq!((subjects.len(), consumers.len()), (NAMES.len(), NAMES.len()));
    }

    #[test]
    fn nothing_is_left_that_means_something_to_the_server() {
        for name in NAMES {
            let subject = in_subject(name);
            assert!(!subject.contains(['%', ' ', '*', '>', '\n']) && subject.is_ascii(), "{subject}");
            assert!(subject.split('.').all(|part| !part.is_empty()), "{subject}");
            assert!(!in_consumer(name).contains(['%', '.', ' ', '*', '>', '/', '\\', '\n']), "{name}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_to_itself() {
        for name in NAMES {
            assert_eq!(percent_decoded(&percent_encoded(name, |byte| byte.is_ascii_alphanumeric())).unwrap(), name);
        }
        assert_eq!(percent_decoded("100%").unwrap(), "100%");
    }
}
