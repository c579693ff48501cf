//! Trying again what is in dead letters.

mod order;
mod report;

use uuid::Uuid;

use self::order::Order;
pub use self::report::{ReplayReport, ReplayResult, Replayed, Skipped};
use super::{
    super::{Outcome, Ready, Reason, Revive, Revived},
    Body, DeadLetter, DeadLetterStore, ErrorReport, Filter, LetterHandler, ReadError, StoreError,
};
use crate::{
    bus::Bus,
    context::Context,
    error::text,
    flavor::Flavor,
    handler::HandlerFacts,
    json,
    message::{Kind, MessageFacts},
    sync_bus::SyncBus,
    wiring::Route,
};

/// Dispatches what is in dead letters once more, through the layers of a bus.
///
/// A letter is deleted when its message was handled, and only then: a process that dies in between handles that one
/// message twice. One that fails again stays, its [`replays`](DeadLetter::replays) counted, and gets no second letter. The
/// letter of a subscriber goes to that subscriber alone, and an event that a transport carried to the subscribers of this bus. The new dispatch has the correlation id of the one that failed,
/// and is caused by it.
///
/// Letters are taken one after the other, oldest first. If the message has `#[bus(key)]` fields and a letter is not
/// handled, those behind it with the same key (and the same subscriber) are left where they are; where the key cannot be
/// read, all letters of the message count as having the same one. Behind a letter that the store cannot read, all letters
/// wait whose message has such fields: it may have any key. Two replays of one store at the same time keep no order,
/// and may handle a message twice.
///
/// Each letter that is dispatched is logged at INFO with its id, its message and the outcome. The example of
/// [the module](super) uses it.
pub struct Replay<'a, B: Flavor> {
    store: &'a dyn DeadLetterStore,
    bus: &'a B,
    is_dry: bool,
    most: usize,
}

impl<'a, B: Flavor> Replay<'a, B> {
    /// From `store` to `bus`.
    pub fn new(store: &'a dyn DeadLetterStore, bus: &'a B) -> Self {
        Replay { store, bus, is_dry: false, most: usize::MAX }
    }

    /// Dispatches nothing and deletes nothing, and reports what it would do: which letters can be read and have a handler.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Replay { is_dry: true, ..self }
    }

    /// Takes no more than this many letters; all by default.
    #[must_use]
    pub fn at_most(self, letters: usize) -> Self {
        Replay { most: letters, ..self }
    }
}

impl Replay<'_, SyncBus> {
    /// Replays one letter, whatever the others are.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read. What becomes of the letter is in the answer.
    pub fn one(&self, id: Uuid) -> Result<Replayed, StoreError> {
        let mut run = Run::new(self);
        if let Some(mut opened) = run.open(id) {
            let is_panic = opened.ready.dispatch(self.bus);
            run.close(&opened, is_panic);
        }
        Ok(run.report.only())
    }

    /// Replays the letters that `filter` lets through, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot say which letters there are. What becomes of each is in the report.
    pub fn all(&self, filter: &Filter) -> Result<ReplayReport, StoreError> {
        let mut run = Run::new(self);
        for id in self.store.ids(filter)?.into_iter().take(self.most) {
            if let Some(mut opened) = run.open(id) {
                let is_panic = opened.ready.dispatch(self.bus);
                run.close(&opened, is_panic);
            }
        }
        Ok(run.report)
    }
}

impl Replay<'_, Bus> {
    /// Replays one letter, whatever the others are.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read. What becomes of the letter is in the answer.
    pub async fn one(&self, id: Uuid) -> Result<Replayed, StoreError> {
        let mut run = Run::new(self);
        if let Some(mut opened) = run.open(id) {
            let is_panic = opened.ready.dispatch(self.bus).await;
            run.close(&opened, is_panic);
        }
        Ok(run.report.only())
    }

    /// Replays the letters that `filter` lets through, oldest first, one after the other.
    ///
    /// Dropped before it is done, it leaves the letter that is under way in the store.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot say which letters there are. What becomes of each is in the report.
    pub async fn all(&self, filter: &Filter) -> Result<ReplayReport, StoreError> {
        let mut run = Run::new(self);
        for id in self.store.ids(filter)?.into_iter().take(self.most) {
            if let Some(mut opened) = run.open(id) {
                let is_panic = opened.ready.dispatch(self.bus).await;
                run.close(&opened, is_panic);
            }
        }
        Ok(run.report)
    }
}

/// A replay under way.
struct Run<'a, B: Flavor> {
    replay: &'a Replay<'a, B>,
    order: Order,
    report: ReplayReport,
}

/// A letter that can be dispatched.
struct Opened<'a, B: Flavor> {
    letter: DeadLetter,
    ready: Ready<'a, B>,
    lane: order::Lane,
}

impl<'a, B: Flavor> Run<'a, B> {
    fn new(replay: &'a Replay<'a, B>) -> Self {
        Run {
            replay,
            order: Order::default(),
            report: ReplayReport { is_dry_run: replay.is_dry, ..Default::default() },
        }
    }

    /// The letter, if it is to be dispatched now; what else becomes of it is reported.
    fn open(&mut self, id: Uuid) -> Option<Opened<'a, B>> {
        let letter = match self.replay.store.get(id) {
            Ok(Some(letter)) => letter,
            Ok(None) => return self.skip(id, String::new(), Skipped::NotThere),
            Err(error) => {
                self.order.stop_all(id);
                return self.skip(id, String::new(), Skipped::NotRead(error));
            }
        };
        let name = letter.message.clone().into_owned();
        let facts = self.route(&letter).map(|route| route.message);
        let lane = order::Lane::of(&letter, facts);
        if let Some(first) = self.order.behind(&lane) {
            return self.skip(id, name, Skipped::Behind { letter: first });
        }
        match self.prepare(&letter) {
            Ok(_) if self.replay.is_dry => {
                self.report.push(id, name, ReplayResult::WouldRun);
                None
            }
            Ok(ready) => Some(Opened { letter, ready, lane }),
            Err(why) => {
                self.order.stop(lane, id);
                self.skip(id, name, why)
            }
        }
    }

    fn skip(&mut self, id: Uuid, message: String, why: Skipped) -> Option<Opened<'a, B>> {
        self.report.push(id, message, ReplayResult::Skipped(why));
        None
    }

    fn route(&self, letter: &DeadLetter) -> Option<&'a Route> {
        let routes = self.replay.bus.core().wiring.routes();
        routes.iter().find(|route| route.message.name == letter.message)
    }

    /// The layers that the letter goes through, and its message, ready for them.
    fn prepare(&self, letter: &DeadLetter) -> Result<Ready<'a, B>, Skipped> {
        let route = self.route(letter).ok_or(Skipped::UnknownMessage)?;
        if route.message.kind != letter.kind {
            return Err(Skipped::OtherKind { is: route.message.kind });
        }
        if route.handlers.is_empty() {
            return Err(Skipped::NoHandler);
        }
        let layered = self.replay.bus.core().table.layered(route.message).ok_or(Skipped::NoLayers)?;
        let mut payload = revive(letter, route)?;
        payload.set_care(layered.care);
        let particulars = payload.particulars_mut();
        particulars.is_replay = true;
        #[cfg(feature = "transport")]
        {
            // The others that it was carried to have had it.
            particulars.is_foreign = matches!(letter.body, Body::Encoded(_));
        }
        particulars.context = Some(Context::of_replay(route.message, letter.correlation_id, letter.dispatch_id));
        if letter.kind == Kind::Event {
            particulars.only_subscriber = subscriber(letter.handler.as_ref(), &route.handlers)?;
        }
        Ok(Ready { layered, payload })
    }

    /// Deletes what was handled; says what became of it.
    fn close(&mut self, opened: &Opened<'a, B>, is_panic: bool) {
        let Opened { letter: DeadLetter { id, message, .. }, ready, lane } = opened;
        let error = match ready.payload.outcome() {
            _ if is_panic => Some(ErrorReport::without_text(Reason::Panicked, false)),
            Outcome::Failed(failed) => Some(ErrorReport::of_dispatch(failed, ready.layered.route.message, true)),
            _ => None,
        };
        let outcome = error.as_ref().map_or("succeeded", |error| error.reason.label());
        tracing::info!(target: "linkbus", letter = %id, message_name = %message, outcome, "a dead letter was replayed");
        let store = self.replay.store;
        let result = match error {
            None => store.delete(*id).map_or_else(ReplayResult::HandledButKept, |_| ReplayResult::Handled),
            Some(error) => {
                if let Err(error) = store.note_replay(*id) {
                    let error = text::with_causes(&error);
                    tracing::error!(target: "linkbus", letter = %id, error, "a replay that failed was not counted");
                }
                self.order.stop(lane.clone(), *id);
                ReplayResult::Failed(error)
            }
        };
        self.report.push(*id, message.clone().into_owned(), result);
    }
}

/// The message of the letter.
fn revive(letter: &DeadLetter, route: &Route) -> Result<Box<super::super::ErasedPayload>, Skipped> {
    let facts = route.message;
    let revived = match &letter.body {
        Body::Message(shared) => {
            let takes_it = |handler: &HandlerFacts| handler.by_value && !facts.abilities.clone;
            if route.handlers.iter().any(takes_it) {
                return Err(Skipped::NotClone);
            }
            shared.again.of(shared.message.clone())
        }
        Body::Json(json) => Some(from_format(facts, |revive| json::read(json, revive))?),
        #[cfg(feature = "transport")]
        Body::Encoded(encoded) => Some(from_format(facts, |revive| encoded.read(revive))?),
        Body::Redacted(_) => return Err(Skipped::Unreadable(ReadError::Redacted)),
        Body::Withheld(why) => return Err(Skipped::Unreadable(ReadError::Withheld(why.clone()))),
    };
    let revived = revived.map(|revived| revived.0).filter(|payload| payload.facts() == facts);
    let other = ReadError::OtherMessage { letter: letter.message.clone().into(), asked: facts.name };
    revived.ok_or(Skipped::Unreadable(other))
}

fn from_format(
    facts: &'static MessageFacts,
    read: impl FnOnce(Revive) -> Result<Revived, String>,
) -> Result<Revived, Skipped> {
    let message = facts.name;
    let revive = facts.revive.ok_or(Skipped::Unreadable(ReadError::NotDeserialize { message }))?;
    read(revive).map_err(|problem| Skipped::Unreadable(ReadError::Unreadable { message, problem }))
}

/// The place of the subscriber that failed; `None` if the event reached none.
///
/// A later version of the program may have other subscribers, or the same ones elsewhere. So it is looked for by
/// everything that is known about it, and then by its name and module alone; of several alike, the one in its place.
fn subscriber(failed: Option<&LetterHandler>, subscribers: &[HandlerFacts]) -> Result<Option<usize>, Skipped> {
    let Some(failed) = failed else { return Ok(None) };
    let is_named = |facts: &HandlerFacts| facts.name == failed.name && facts.location.module == failed.module;
    let is_there = |facts: &HandlerFacts| facts.location.file == failed.file && facts.location.line == failed.line;
    let find = |is_it: &dyn Fn(&HandlerFacts) -> bool| {
        let alike = || subscribers.iter().enumerate().filter(|(_, facts)| is_it(facts)).map(|(place, _)| place);
        alike().find(|&place| place == failed.place).or_else(|| alike().next().filter(|_| alike().count() == 1))
    };
    let found = find(&|facts| is_named(facts) && is_there(facts)).or_else(|| find(&is_named));
    found.map(Some).ok_or_else(|| Skipped::NoSubscriber { name: failed.name.clone().into_owned() })
}
