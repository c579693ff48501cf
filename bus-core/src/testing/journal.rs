//! What was dispatched, and what can be asserted about it.

mod assertions;
mod note;
mod report;
mod step;
mod times;

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub(crate) use self::note::Show;
pub(super) use self::note::{Kept, Note};
pub use self::{
    note::Noted,
    step::{Step, step, step_where},
    times::Times,
};
use uuid::Uuid;

use crate::{
    handler::HandlerFacts,
    message::{Kind, Message, MessageFacts},
};

/// So many dispatches are kept. A test that makes more asserts on what is no longer known, and is told so.
const MOST: usize = 100_000;

/// Everything that was dispatched on a bus, in order, with typed access and assertions.
///
/// A [`FakeBus`](super::FakeBus) has one and dereferences to it, and so does a [`Spy`](super::Spy). Clones share it. Every
/// assertion that fails shows what was dispatched instead, and where in the program.
///
/// It keeps the first 100,000 dispatches; behind them every assertion panics, because the answer is not known.
///
/// ```
/// use linkbus::{Command, testing::SyncFakeBus};
///
/// #[derive(Command, Debug, PartialEq)]
/// struct Pay { cents: u64 }
///
/// let fake = SyncFakeBus::new();
/// fake.bus().execute(Pay { cents: 500 }).unwrap();
///
/// fake.assert_executed::<Pay>(1);
/// fake.assert_executed_where(1, |pay: &Pay| pay.cents == 500);
/// assert_eq!(*fake.executed::<Pay>()[0], Pay { cents: 500 });
/// fake.assert_nothing_else();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    kept: Vec<Note>,
    /// The place of each in `kept`, by the id of the dispatch; of several attempts that of the last.
    places: HashMap<Uuid, usize>,
    /// The number of the first one that is kept: those before it were there before a reset.
    first: usize,
    /// How many there was no room for.
    lost: usize,
}

impl Journal {
    /// An empty one.
    pub(super) fn new() -> Self {
        Journal::default()
    }

    /// Notes a dispatch that begins; gives its number.
    pub(super) fn begin(&self, note: Note) -> Option<usize> {
        let mut notes = self.notes();
        if notes.kept.len() == MOST {
            notes.lost += 1;
            return None;
        }
        let place = notes.kept.len();
        notes.places.insert(note.id, place);
        notes.kept.push(note);
        Some(notes.first + place)
    }

    /// The handler that the dispatch with this id went to; of several subscribers the one in this place among them.
    pub(super) fn handler_of(&self, id: Uuid, place: Option<usize>) -> Option<HandlerFacts> {
        let notes = self.notes();
        notes.kept[*notes.places.get(&id)?].handler(place)
    }

    /// Notes how it ended.
    pub(super) fn end(&self, number: usize, outcome: String) {
        let mut notes = self.notes();
        let place = number.checked_sub(notes.first);
        if let Some(note) = place.and_then(|place| notes.kept.get_mut(place)) {
            note.outcome = Some(outcome);
        }
    }

    /// The queries of this type that were sent, in order.
    ///
    /// # Panics
    /// If one was handed over to its handler by value and is not `Clone`, so that it could not be kept.
    #[track_caller]
    pub fn sent<Q: crate::Query>(&self) -> Vec<Arc<Q>> {
        self.all_of()
    }

    /// The commands of this type that were executed, in order. Panics as [`sent`](Self::sent).
    #[track_caller]
    pub fn executed<C: crate::Command>(&self) -> Vec<Arc<C>> {
        self.all_of()
    }

    /// The events of this type that were published, in order. Panics as [`sent`](Self::sent).
    #[track_caller]
    pub fn published<E: crate::Event>(&self) -> Vec<Arc<E>> {
        self.all_of()
    }

    /// The tasks of this type that were dispatched, in order. Panics as [`sent`](Self::sent).
    #[track_caller]
    pub fn dispatched<T: crate::Task>(&self) -> Vec<Arc<T>> {
        self.all_of()
    }

    /// Everything that was dispatched, in order.
    ///
    /// ```
    /// # use linkbus::{Event, testing::SyncFakeBus};
    /// # #[derive(Event)]
    /// # #[event(name = "shop.Opened")]
    /// # struct Opened;
    /// let fake = SyncFakeBus::new();
    /// fake.bus().publish(Opened).unwrap();
    /// assert_eq!(fake.all()[0].message().name, "shop.Opened");
    /// ```
    ///
    /// # Panics
    /// If there were more than are kept.
    #[track_caller]
    pub fn all(&self) -> Vec<Noted> {
        self.complete().kept.iter().map(Note::noted).collect()
    }

    /// Forgets what was dispatched so far. The `reset` of a fake forgets its stubs as well.
    pub fn clear(&self) {
        let mut notes = self.notes();
        notes.first += notes.kept.len();
        notes.kept.clear();
        notes.places.clear();
        notes.lost = 0;
    }

    #[track_caller]
    fn all_of<M: Message>(&self) -> Vec<Arc<M>> {
        let found: Result<Vec<_>, _> = self.complete().of_type(M::FACTS).map(|(_, note)| note.message()).collect();
        // In no closure: there the place of the caller is lost.
        match found {
            Ok(messages) => messages.into_iter().filter_map(|message| message.downcast().ok()).collect(),
            Err(why) => panic!("{why}"),
        }
    }

    /// The notes, if they are all there. Nothing may panic while they are locked.
    #[track_caller]
    fn complete(&self) -> MutexGuard<'_, Notes> {
        let notes = self.notes();
        let lost = notes.lost;
        if lost > 0 {
            drop(notes);
            panic!(
                "{lost} dispatches more than the {MOST} that are kept: call `clear` or `reset` between the parts of the test"
            );
        }
        notes
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    /// Those of one type of message, each with its place.
    fn of_type(&self, message: &'static MessageFacts) -> impl Iterator<Item = (usize, &Note)> {
        self.kept.iter().enumerate().filter(move |(_, note)| note.facts == message)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Note> {
        self.kept.iter().filter(move |note| note.facts.kind == kind)
    }

    /// The first of one type from `from` on: its place, and its message or why that is gone.
    fn next_of(&self, message: &'static MessageFacts, from: usize) -> Option<(usize, Result<AnyMessage, String>)> {
        let (place, note) = self.kept.iter().enumerate().skip(from).find(|(_, note)| note.facts == message)?;
        Some((place, note.message()))
    }

    /// Notes that an assertion was about the one in this place, if it was not cleared since.
    fn see(&mut self, place: usize) {
        if let Some(note) = self.kept.get_mut(place) {
            note.is_seen = true;
        }
    }
}

/// The message of a note, whatever its type.
type AnyMessage = Arc<dyn Any + Send + Sync>;
