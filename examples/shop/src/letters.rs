//! What was lost behind the callers' backs: events and tasks that failed in the end. They can be listed, and tried again.

use std::borrow::Cow;

use contracts::Unavailable;
use linkbus::{
    AnyError, Bus, Command, Query, handler,
    layer::{
        DeadLetters,
        dead_letter::{DeadLetter, FileStore, Filter, Replay},
    },
};
use serde::{Deserialize, Serialize};

use crate::Place;

/// The most that are listed.
const MOST: usize = 100;

/// Asks what was lost, the newest first.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Vec<Lost>, error = Unavailable)]
#[serde(deny_unknown_fields)]
pub struct ListLetters {}

/// Tries everything that was lost once more; what fails again stays.
#[derive(Command, Clone, Debug, Serialize, Deserialize)]
#[command(error = Unavailable)]
#[serde(deny_unknown_fields)]
pub struct ReplayLetters {}

/// A message that was lost. Not what it said, and not what was wrong: that is in the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lost {
    /// The wire name of the message.
    pub message: String,
    /// The handler that failed; an event has several.
    pub handler: Option<String>,
    /// `failed`, `panicked`, `timed_out` ..
    pub reason: Cow<'static, str>,
    /// How often it was tried before it was lost.
    pub attempts: u32,
    /// How often it was tried since.
    pub replays: u32,
}

impl From<DeadLetter> for Lost {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { message, handler, error, attempts, replays, .. } = letter;
        let handler = handler.map(|handler| handler.name.into_owned());
        Lost { message: message.into_owned(), handler, reason: error.reason.label().into(), attempts, replays }
    }
}

/// Letters beside the database, in `shop.letters` for `shop.sqlite`; of a shop that keeps nothing, in memory.
pub(crate) fn open(place: &Place) -> Result<DeadLetters, AnyError> {
    match place {
        Place::Memory => Ok(DeadLetters::in_memory()),
        Place::File(file) => Ok(DeadLetters::new(FileStore::open(file.with_extension("letters"))?)),
    }
}

#[handler]
fn list_letters(_: ListLetters, letters: &DeadLetters) -> Result<Vec<Lost>, Unavailable> {
    let lost = letters.store().list(&Filter::any(), MOST).map_err(|error| Unavailable::because(&error))?;
    Ok(lost.into_iter().map(Lost::from).collect())
}

#[handler]
async fn replay_letters(_: ReplayLetters, letters: &DeadLetters, bus: &Bus) -> Result<(), Unavailable> {
    let replay = Replay::new(letters.store(), bus);
    let report = replay.all(&Filter::any()).await.map_err(|error| Unavailable::because(&error))?;
    tracing::info!("tries {} again, {} with success", report.letters.len(), report.handled());
    Ok(())
}
