//! Which letters have to wait for which.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;
use uuid::Uuid;

use super::super::{Body, DeadLetter};
use crate::message::{Field, MessageFacts};

/// The letters that are to be handled in order: those of one message, one subscriber and one key.
#[derive(Clone)]
pub(super) struct Lane {
    /// The message, and the subscriber.
    of: (String, Option<(String, usize)>),
    key: Key,
}

#[derive(Clone)]
enum Key {
    /// The message has none: its letters are in no order.
    None,
    Known(Arc<str>),
    /// The message has one that cannot be read.
    Unknown,
}

/// What was not handled.
#[derive(Default)]
pub(super) struct Order {
    /// A letter that could not be read, and may be of any key.
    unread: Option<Uuid>,
    stopped: HashMap<(String, Option<(String, usize)>), Stopped>,
}

#[derive(Default)]
struct Stopped {
    all: Option<Uuid>,
    keys: HashMap<Arc<str>, Uuid>,
}

impl Lane {
    pub(super) fn of(letter: &DeadLetter, facts: Option<&'static MessageFacts>) -> Self {
        let handler = letter.handler.as_ref().map(|handler| (handler.name.clone().into_owned(), handler.place));
        Lane { of: (letter.message.clone().into_owned(), handler), key: key(letter, facts) }
    }
}

impl Order {
    /// The letter that `lane` has to wait for.
    pub(super) fn behind(&self, lane: &Lane) -> Option<Uuid> {
        if matches!(lane.key, Key::None) {
            return None;
        }
        self.unread.or_else(|| self.stopped_in(lane))
    }

    fn stopped_in(&self, lane: &Lane) -> Option<Uuid> {
        let stopped = self.stopped.get(&lane.of)?;
        match &lane.key {
            Key::None => None,
            Key::Known(key) => stopped.all.or_else(|| stopped.keys.get(key).copied()),
            Key::Unknown => stopped.all.or_else(|| stopped.keys.values().next().copied()),
        }
    }

    /// Nobody knows whose letter this is, so every lane has to wait for it.
    pub(super) fn stop_all(&mut self, letter: Uuid) {
        self.unread.get_or_insert(letter);
    }

    /// The letter was not handled.
    pub(super) fn stop(&mut self, lane: Lane, letter: Uuid) {
        let Lane { of, key } = lane;
        match key {
            Key::None => {}
            Key::Known(key) => drop(self.stopped.entry(of).or_default().keys.insert(key, letter)),
            Key::Unknown => self.stopped.entry(of).or_default().all = Some(letter),
        }
    }
}

fn key(letter: &DeadLetter, facts: Option<&'static MessageFacts>) -> Key {
    let Some(facts) = facts.filter(|facts| facts.fields.iter().any(|field| field.key)) else { return Key::None };
    match json(&letter.body, facts).and_then(|message| key_in(&message, facts.fields)) {
        Some(key) => Key::Known(key.to_string().into()),
        None => Key::Unknown,
    }
}

#[cfg_attr(not(feature = "transport"), expect(unused_variables, reason = "only a format needs to know the type"))]
fn json(body: &Body, facts: &'static MessageFacts) -> Option<Value> {
    match body {
        Body::Json(json) | Body::Redacted(json) => serde_json::from_str(json).ok(),
        Body::Message(shared) => {
            let payload = shared.again.of(Arc::clone(&shared.message))?.0;
            serde_json::to_value(payload.serialize()?).ok()
        }
        #[cfg(feature = "transport")]
        Body::Encoded(encoded) => {
            // Not every format can be read as JSON: an id may be bytes there.
            let payload = encoded.read(facts.revive?).ok()?.0;
            serde_json::to_value(payload.serialize()?).ok()
        }
        Body::Withheld(_) => None,
    }
}

/// The values of the key fields; `None` if they are not where they should be, or one is a secret.
fn key_in(message: &Value, fields: &[Field]) -> Option<Value> {
    let keys = fields.iter().enumerate().filter(|(_, field)| field.key);
    let value = |(place, field): (usize, &Field)| match message {
        _ if field.secret => None,
        Value::Object(object) => object.get(field.name).cloned(),
        Value::Array(elements) if elements.len() == fields.len() => elements.get(place).cloned(),
        single => (fields.len() == 1).then(|| single.clone()),
    };
    keys.map(value).collect::<Option<Vec<_>>>().map(Value::Array)
}
