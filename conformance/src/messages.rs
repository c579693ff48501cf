//! The messages of the suite. A transport's dispatching side knows them by [`MODULE`].

use std::sync::Arc;

use linkbus::{AnyError, Command, Event, Query, Task};
use serde::{Deserialize, Serialize};

/// What the handler of a message is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// Succeed.
    Succeeds,
    /// Fail with a [`Rejection`] of the message's number.
    Fails,
    /// Panic with the text [`PANIC`].
    Panics,
}

/// The text of every panic that is asked for.
pub const PANIC: &str = "told to panic";

impl Fate {
    /// Meets it.
    ///
    /// # Errors
    /// A [`Rejection`] with `number`, for [`Fate::Fails`].
    ///
    /// # Panics
    /// For [`Fate::Panics`].
    pub fn meet(self, number: u64) -> Result<(), Rejection> {
        match self {
            Fate::Succeeds => Ok(()),
            Fate::Fails => Err(Rejection { number }),
            Fate::Panics => panic!("{PANIC}"),
        }
    }
}

/// The error of the handlers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("number {number} was rejected")]
pub struct Rejection {
    /// The number of the message.
    pub number: u64,
}

/// Contents of many shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// Text beyond ASCII.
    pub text: String,
    /// Every byte.
    pub bytes: Vec<u8>,
    /// The ends of the range.
    pub numbers: (i64, u64, f64),
    /// Nothing.
    pub nothing: Option<String>,
    /// A list that is empty, and one that is not.
    pub lists: [Vec<String>; 2],
    /// Another one inside.
    pub inner: Option<Box<Parcel>>,
}

impl Parcel {
    /// One with another inside.
    pub fn small() -> Self {
        Parcel { inner: Some(Box::new(Parcel::flat("{\"inner\": \\n}"))), ..Parcel::flat("naïve \u{1f980}\0\n\"'") }
    }

    /// One with 64 KiB of text.
    pub fn large() -> Self {
        Parcel { text: "linkbus ".repeat(8 * 1024), ..Parcel::small() }
    }

    fn flat(text: &str) -> Self {
        Parcel {
            text: text.to_owned(),
            bytes: (0..=255).collect(),
            numbers: (i64::MIN, u64::MAX, 0.1 + 0.2),
            nothing: None,
            lists: [Vec::new(), vec![String::new(), "one".to_owned()]],
            inner: None,
        }
    }
}

/// Replies twice the number.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = u64, error = Rejection)]
pub struct Double {
    /// What is doubled.
    pub number: u64,
    /// What its handler does besides.
    pub fate: Fate,
}

/// Replies three times the number.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = u64, error = Rejection)]
pub struct Triple {
    /// What is tripled.
    pub number: u64,
}

/// Replies the number if it is even, and nothing otherwise.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Option<u64>, error = Rejection)]
pub struct FindEven {
    /// What is looked for.
    pub number: u64,
}

/// Replies what it was sent with.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Parcel, error = Rejection)]
pub struct Echo(pub Parcel);

/// Replies on which thread its handler began.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = String, error = Rejection)]
pub struct AskThread;

/// Replies what it holds, the very object.
#[derive(Query, Clone, Debug)]
#[query(reply = Arc<str>, error = Rejection)]
pub struct Share(pub Arc<str>);

/// Has no handler.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = u64, error = Rejection)]
pub struct AskNobody;

/// Keeps a number.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = Rejection)]
pub struct Store {
    /// What is kept.
    pub number: u64,
    /// What its handler does besides, before it keeps the number.
    pub fate: Fate,
}

/// Brings a parcel.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = Rejection)]
pub struct Bring(pub Parcel);

/// Has its handler send a [`Double`] and publish a [`Happened`] with the reply.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = AnyError)]
pub struct Relay {
    /// What is doubled.
    pub number: u64,
}

/// Never ends.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = Rejection)]
pub struct Hang;

/// Has no handler.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = Rejection)]
pub struct TellNobody;

/// Works on a number.
#[derive(Task, Clone, Debug, Serialize, Deserialize)]
#[task(error = Rejection)]
pub struct Work {
    /// What is worked on.
    pub number: u64,
    /// What its handler does besides, before the work is done.
    pub fate: Fate,
}

/// Carries a parcel.
#[derive(Task, Clone, Debug, Serialize, Deserialize)]
#[task(error = Rejection)]
pub struct Carry(pub Parcel);

/// Has no handler.
#[derive(Task, Clone, Debug, Serialize, Deserialize)]
#[task(error = Rejection)]
pub struct NobodysWork;

/// Has three subscribers.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct Happened {
    /// Which one it is.
    pub number: u64,
    /// What each of them does.
    pub fates: [Fate; 3],
}

impl Happened {
    /// All succeed.
    pub fn well(number: u64) -> Self {
        Happened { number, fates: [Fate::Succeeds; 3] }
    }
}

/// Has a subscriber, and a name that begins as that of another event.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct HappenedAgain {
    /// Which one it is.
    pub number: u64,
}

/// Says that a parcel was brought.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct Brought(pub Parcel);

/// Has two subscribers that wait for each other.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct Meeting;

/// Has no subscriber.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct NobodyHears;

/// Has a ship turned.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = Rejection)]
pub struct Steer {
    /// Which one.
    #[bus(key)]
    pub ship: u64,
    /// Which turn it is, counted from 0: the first takes longest.
    pub number: u64,
}

/// Has a ship cleaned.
#[derive(Task, Clone, Debug, Serialize, Deserialize)]
#[task(error = Rejection)]
pub struct Scrub {
    /// Which one.
    #[bus(key)]
    pub ship: u64,
    /// Which time it is, counted from 0: the first takes longest.
    pub number: u64,
}

/// Says that a ship was seen.
#[derive(Event, Clone, Debug, Serialize, Deserialize)]
pub struct Sighted {
    /// Which one.
    #[bus(key)]
    pub ship: u64,
    /// Which time it is, counted from 0: the first takes longest.
    pub number: u64,
}

linkbus::module! {
    messages: [
        Double, Triple, FindEven, Echo, AskThread, Store, Bring, Relay, Hang, Work, Carry, Happened, HappenedAgain, Brought, Meeting,
        NobodyHears, Steer, Scrub, Sighted,
    ]
}
