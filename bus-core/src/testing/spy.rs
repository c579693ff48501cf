//! Notes what goes over a bus, and changes nothing.

use std::{ops::Deref, sync::Arc, time::SystemTime};

use super::{
    exhaustive,
    journal::{Journal, Kept, Note},
    said::said,
};
use crate::{
    flavor::Flavor,
    handler::HandlerFacts,
    layer::{Dispatch, Layer, Link, Observer, Site},
    publish::Turn,
};

/// A layer that notes everything that goes over a real bus, for assertions on it: it dereferences to a [`Journal`].
///
/// The outermost place sees each dispatch once; inside a retry it sees every attempt. Messages whose handlers take them by
/// value are copied if they are `Clone`; those that are not are noted without their content.
///
/// ```
/// use linkbus::{Command, Event, SyncBus, testing::Spy};
///
/// #[derive(Command)]
/// struct Pay;
/// #[derive(Event)]
/// struct Paid;
///
/// let spy = Spy::new();
/// let bus = SyncBus::empty()
///     .layer(spy.clone())
///     .command(|_: Pay| ())
///     .subscribe(|_: &Paid| ())
///     .build()
///     .unwrap();
/// bus.execute(Pay).unwrap();
/// spy.assert_executed::<Pay>(1);
/// spy.assert_nothing_published();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Spy(Journal);

impl Spy {
    /// One that has seen nothing yet. Clones share what they see.
    pub fn new() -> Self {
        Spy::default()
    }

    pub(super) fn into(journal: Journal) -> Self {
        Spy(journal)
    }
}

impl Deref for Spy {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.0
    }
}

impl<B: Flavor> Layer<B> for Spy {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let handlers = site.handlers();
        let is_kept = site.message().abilities.clone || !handlers.iter().any(|handler| handler.by_value);
        if is_kept {
            site.keep_message();
        }
        Some(Link::observer(Watch { journal: self.0.clone(), is_kept, handlers: handlers.into() }))
    }
}

struct Watch {
    journal: Journal,
    is_kept: bool,
    handlers: Arc<[HandlerFacts]>,
}

impl Observer for Watch {
    fn start(&self, dispatch: &mut Dispatch<'_>) {
        // What the handler sends is then known to be sent by it.
        dispatch.identify(SystemTime::now());
        let facts = dispatch.message();
        let cause = dispatch.context().causation_id();
        let (origin, sender) = (dispatch.origin(), cause.and_then(|id| self.journal.handler_of(id, Turn::current())));
        if let Some(sender) = &sender {
            exhaustive::saw(sender, facts);
        }
        let message = self.keep(dispatch);
        let id = dispatch.context().id();
        let note = Note {
            facts,
            message,
            origin,
            sender,
            id,
            #[cfg(feature = "transport")]
            due: dispatch.due(),
            handlers: self.called(dispatch),
            outcome: None,
            is_seen: false,
        };
        if let Some(number) = self.journal.begin(note) {
            dispatch.put_note(self, number);
        }
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        if let Some(number) = dispatch.take_note(self) {
            self.journal.end(number, says(dispatch));
        }
    }
}

impl Watch {
    /// Those that the message goes to: one subscriber alone, where it is tried again for that one.
    fn called(&self, dispatch: &mut Dispatch<'_>) -> Arc<[HandlerFacts]> {
        match dispatch.particulars().only_subscriber {
            Some(only) => self.handlers.get(only..=only).unwrap_or_default().into(),
            None => Arc::clone(&self.handlers),
        }
    }

    fn keep(&self, dispatch: &mut Dispatch<'_>) -> Kept {
        let show = dispatch.payload.show();
        // Shared only where it is kept: a handler that takes it by value could not have it.
        let message = if self.is_kept { dispatch.share() } else { None };
        match message {
            Some(message) => Kept::Message(message, show),
            None => Kept::Gone(dispatch.any().and_then(show)),
        }
    }
}

/// `succeeded`, or what it failed with.
fn says(dispatch: &Dispatch<'_>) -> String {
    let outcome = dispatch.outcome();
    let said = outcome.failed().and_then(|failed| said(failed.error(), dispatch.message()));
    said.map_or_else(|| outcome.label().to_owned(), |said| format!("{}: {said}", outcome.label()))
}
