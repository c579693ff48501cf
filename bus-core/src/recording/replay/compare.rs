//! Whether a dispatch came to the same again.

use std::fmt;

use serde_json::value::{RawValue, to_raw_value};

use super::{
    super::{Ended, Record, capture},
    ReplayResult,
    written::{Written, is_same},
};
use crate::{
    json::REDACTED,
    layer::{ErasedPayload, Outcome},
};

/// What is compared.
#[derive(Default)]
pub(super) struct Rules {
    /// Fields of results whose values may differ.
    pub(super) ignored: Vec<String>,
    pub(super) ignores_error_texts: bool,
}

/// In what a dispatch differs from the one that was recorded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// It ended in another way.
    Ended {
        /// How it ended when it was recorded.
        recorded: Ended,
        /// How it ended now.
        now: Ended,
        /// What the error says now, if there is one.
        error: Option<String>,
    },
    /// The reply of a query is another one.
    Reply {
        /// Where in it: a JSON pointer (RFC 6901); empty for all of it.
        at: String,
        /// What stood there, as JSON; `None` if there was nothing.
        recorded: Option<String>,
        /// What stands there now.
        now: Option<String>,
    },
    /// The error says something else.
    ErrorText {
        /// What it said.
        recorded: String,
        /// What it says now.
        now: String,
    },
}

/// No more differences of one result are told.
const MOST: usize = 8;

impl Rules {
    /// What became of `record`, now that it was dispatched again. What its caller gave up has no outcome to compare.
    pub(super) fn judge(&self, record: &Record, payload: &ErasedPayload, is_panic: bool) -> ReplayResult {
        if record.ended == Ended::Abandoned {
            return ReplayResult::Unchecked;
        }
        let differences = self.compare(record, payload, is_panic);
        if !differences.is_empty() {
            ReplayResult::Different(differences)
        } else if is_panic || Rules::is_checked(record, payload) {
            ReplayResult::Same
        } else {
            ReplayResult::Unchecked
        }
    }

    fn compare(&self, record: &Record, payload: &ErasedPayload, is_panic: bool) -> Vec<Difference> {
        let outcome = if is_panic { Outcome::Panicked } else { payload.outcome() };
        let (now, error) = (capture::ended(&outcome), outcome.failed().map(|failed| capture::text_of(failed.error())));
        if now != record.ended {
            return vec![Difference::Ended { recorded: record.ended, now, error }];
        }
        match (error, record.error()) {
            (Some(now), Some(recorded)) => self.compare_errors(recorded, now),
            _ => self.compare_results(record, payload),
        }
    }

    /// Whether what a dispatch came to can be compared: its reply, or what its error says, was recorded.
    fn is_checked(record: &Record, payload: &ErasedPayload) -> bool {
        match payload.outcome() {
            Outcome::Failed(_) => record.error().is_some(),
            _ if record.result().is_some() => true,
            // `null` and nothing look the same in a file.
            _ => payload.serialize_reply().is_none_or(|reply| to_raw_value(reply).is_ok_and(|now| now.get() == "null")),
        }
    }

    fn compare_errors(&self, recorded: &str, now: String) -> Vec<Difference> {
        let is_same = self.ignores_error_texts || recorded == now || recorded.contains(REDACTED);
        if is_same { Vec::new() } else { vec![Difference::ErrorText { recorded: recorded.to_owned(), now }] }
    }

    fn compare_results(&self, record: &Record, payload: &ErasedPayload) -> Vec<Difference> {
        let (Some(recorded), Some(reply)) = (record.result(), payload.serialize_reply()) else { return Vec::new() };
        let (recorded, now) = (serde_json::from_str::<&RawValue>(recorded), to_raw_value(reply));
        let mut differences = Vec::new();
        match (recorded, now) {
            (Ok(recorded), Ok(now)) => self.diff(&mut String::new(), Some(recorded), Some(&now), &mut differences),
            (recorded, now) => differences.push(Difference::Reply {
                at: String::new(),
                recorded: recorded.ok().map(ToString::to_string),
                now: now.ok().map(|value| value.to_string()),
            }),
        }
        differences
    }

    /// Adds what differs at the place `at`.
    fn diff(&self, at: &mut String, recorded: Option<&RawValue>, now: Option<&RawValue>, found: &mut Vec<Difference>) {
        match (recorded.map(Written::of), now.map(Written::of)) {
            _ if found.len() >= MOST => {}
            (Some(Written::Redacted), _) => {}
            (Some(Written::Object(recorded)), Some(Written::Object(now))) => {
                let added = now.keys().filter(|key| !recorded.contains_key(*key));
                for key in recorded.keys().chain(added).filter(|key| !self.ignored.contains(key)) {
                    let step = key.replace('~', "~0").replace('/', "~1");
                    self.diff_below(at, &step, recorded.get(key).copied(), now.get(key).copied(), found);
                }
            }
            (Some(Written::List(recorded)), Some(Written::List(now))) => {
                for place in 0..recorded.len().max(now.len()) {
                    let (recorded, now) = (recorded.get(place).copied(), now.get(place).copied());
                    self.diff_below(at, &place.to_string(), recorded, now, found);
                }
            }
            _ if recorded.zip(now).is_some_and(|(recorded, now)| is_same(recorded, now)) => {}
            _ => found.push(Difference::Reply {
                at: at.clone(),
                recorded: recorded.map(ToString::to_string),
                now: now.map(ToString::to_string),
            }),
        }
    }

    fn diff_below(
        &self,
        at: &mut String,
        step: &str,
        recorded: Option<&RawValue>,
        now: Option<&RawValue>,
        found: &mut Vec<Difference>,
    ) {
        let length = at.len();
        at.push('/');
        at.push_str(step);
        self.diff(at, recorded, now, found);
        at.truncate(length);
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Ended { recorded, now, error: None } => {
                write!(f, "it {}, and {} before", said(*now), said(*recorded))
            }
            Difference::Ended { recorded, now, error: Some(error) } => {
                write!(f, "it {} ({error}), and {} before", said(*now), said(*recorded))
            }
            Difference::Reply { at, recorded, now } => {
                let (recorded, now) = (recorded.as_deref().unwrap_or("nothing"), now.as_deref().unwrap_or("nothing"));
                let place = if at.is_empty() { String::new() } else { format!(" at {at}") };
                write!(f, "the result{place} is {now}, and was {recorded}")
            }
            Difference::ErrorText { recorded, now } => write!(f, "the error says `{now}`, and said `{recorded}`"),
        }
    }
}

fn said(ended: Ended) -> String {
    match ended {
        Ended::Succeeded => "succeeds".to_owned(),
        Ended::Failed(reason) => format!("fails as {}", reason.label()),
        Ended::Panicked => "panics".to_owned(),
        Ended::Abandoned => "is abandoned".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn differences(ignored: &[&str], recorded: &Value, now: &Value) -> Vec<String> {
        let rules = Rules { ignored: ignored.iter().map(|name| (*name).to_owned()).collect(), ..Rules::default() };
        let [recorded, now] = [recorded, now].map(|value| to_raw_value(value).unwrap());
        let mut found = Vec::new();
        rules.diff(&mut String::new(), Some(&recorded), Some(&now), &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_the_same_is_no_difference() {
        let value = json!({ "a": [1, { "b": null }], "c": "x" });
        assert_eq!(differences(&[], &value, &value), [""; 0]);
        assert_eq!(differences(&[], &json!({ "a": REDACTED }), &json!({ "a": { "b": 1 } })), [""; 0]);
        assert_eq!(differences(&["at"], &json!([{ "at": 1 }]), &json!([{ "at": 2 }])), [""; 0]);
        assert_eq!(differences(&["at"], &json!({}), &json!({ "at": 2 })), [""; 0]);
    }

    #[test]
    fn what_differs_is_told_with_its_place() {
        let before = json!({ "a": [1, { "b/c": null }], "gone": 1 });
        let after = json!({ "a": [1, { "b/c": "x" }, 3], "new": true });
        assert_eq!(
            differences(&[], &before, &after),
            [
                r#"the result at /a/1/b~1c is "x", and was null"#,
                "the result at /a/2 is 3, and was nothing",
                "the result at /gone is nothing, and was 1",
                "the result at /new is true, and was nothing",
            ]
        );
        assert_eq!(differences(&[], &json!(1), &json!("1")), [r#"the result is "1", and was 1"#]);
    }

    #[test]
    fn not_more_is_told_than_can_be_read() {
        let (before, after) = (json!(vec![0; 100]), json!(vec![1; 100]));
        assert_eq!(differences(&[], &before, &after).len(), MOST);
    }
}
