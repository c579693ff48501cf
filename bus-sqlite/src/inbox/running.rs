//! What this process handles now.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use linkbus::{Uuid, layer::inbox::InboxKey};

/// A claim of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) key: InboxKey,
    /// Greater than that of every earlier claim on the file.
    pub(super) token: i64,
    pub(super) dispatch: Uuid,
}

/// The claims of this process, by the ids that handlers see in their context and their tokens. Only the subscribers of one event
/// can have several of one id.
#[derive(Default)]
pub(super) struct Running(Mutex<BTreeMap<(Uuid, i64), Held>>);

impl Running {
    fn claims(&self) -> MutexGuard<'_, BTreeMap<(Uuid, i64), Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, held: Held) {
        self.claims().insert((held.dispatch, held.token), held);
    }

    pub(super) fn remove(&self, held: &Held) {
        self.claims().remove(&(held.dispatch, held.token));
    }

    /// The claim of a message with one handler.
    pub(super) fn of_dispatch(&self, id: Uuid, message: &str) -> Option<Held> {
        let claims = self.claims();
        let mut of_id = claims.range((id, i64::MIN)..=(id, i64::MAX)).map(|(_, held)| held);
        of_id.find(|held| held.key.scope() == message).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims().is_empty()
    }

    pub(super) fn all(&self) -> Vec<Held> {
        self.claims().values().cloned().collect()
    }
}
