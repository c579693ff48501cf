//! What this process handles now.

use std::{
    collections::HashMap,
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

/// The claims of this process, by the ids that handlers see in their context.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<Uuid, Held>>);

impl Running {
    fn claims(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, held: Held) {
        self.claims().insert(held.dispatch, held);
    }

    pub(super) fn remove(&self, held: &Held) {
        let mut claims = self.claims();
        if claims.get(&held.dispatch) == Some(held) {
            claims.remove(&held.dispatch);
        }
    }

    pub(super) fn of_dispatch(&self, id: Uuid) -> Option<Held> {
        self.claims().get(&id).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims().is_empty()
    }

    pub(super) fn all(&self) -> Vec<Held> {
        self.claims().values().cloned().collect()
    }
}
