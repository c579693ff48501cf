//! What the handlers of a bus send that nobody answers.

use std::{
    any::TypeId,
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use super::{Fake, stub::Stubs};
use crate::{
    flavor::Flavor,
    handler::HandlerFacts,
    message::{Kind, Location, MessageFacts},
    wiring::Wiring,
};

/// What handlers were seen to send in this process, on any fake: by sender and message, so at most as many as the program
/// has pairs of them.
static SEEN: Mutex<BTreeMap<(Place, &'static str), &'static MessageFacts>> = Mutex::new(BTreeMap::new());

/// The handler, by where it is written.
type Place = (&'static str, u32);

fn place(handler: &HandlerFacts) -> Place {
    let Location { file, line, .. } = handler.location;
    (file, line)
}

/// Notes that a handler sent a message.
pub(super) fn saw(sender: &HandlerFacts, message: &'static MessageFacts) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert((place(sender), message.name), message);
}

/// A message that a handler of the bus sends, and that is neither handled there nor stubbed.
///
/// ```
/// use linkbus::{Command, Query, SyncBus, handler, testing::SyncFakeBus};
///
/// #[derive(Query)]
/// #[query(reply = u32, name = "shop.Stock")]
/// struct Stock;
/// #[derive(Command)]
/// struct Buy;
///
/// #[handler(sends(Stock))]
/// fn buy(_: &Buy, bus: &SyncBus) -> Result<(), linkbus::AnyError> {
///     let _ = bus.send(Stock)?;
///     Ok(())
/// }
/// linkbus::module!(messages: [Buy], handlers: [buy]);
///
/// let fake = SyncFakeBus::over(SyncBus::empty().modules([MODULE]))?;
/// let unanswered = fake.unanswered();
/// assert_eq!(unanswered[0].message().name, "shop.Stock");
/// assert_eq!(unanswered[0].sender().name, "buy");
/// # Ok::<(), linkbus::WiringError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Unanswered {
    message: &'static MessageFacts,
    sender: HandlerFacts,
    is_declared: bool,
}

impl Unanswered {
    /// The message.
    pub fn message(&self) -> &'static MessageFacts {
        self.message
    }

    /// The handler that sends it.
    pub fn sender(&self) -> &HandlerFacts {
        &self.sender
    }

    /// Whether the handler says so with `#[handler(sends(..))]`; if not, it was seen to send it in this process.
    pub fn is_declared(&self) -> bool {
        self.is_declared
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unanswered { message, sender, is_declared } = self;
        let how = if *is_declared { "as it says" } else { "as was seen" };
        write!(f, "{} `{}`, sent by `{}` ({}), {how}", message.kind, message.name, sender.name, sender.location)
    }
}

impl<B: Flavor> Fake<B> {
    /// The messages that the handlers of this bus send and that are neither handled on it nor stubbed: those that a handler
    /// [declares](crate::HandlerSettings::sends) with `#[handler(sends(..))]`, and those that it was seen to send in this process on any fake.
    ///
    /// Events are not among them, because they need no subscriber. The example of [`Unanswered`] uses it.
    pub fn unanswered(&self) -> Vec<Unanswered> {
        unanswered(&self.bus().core().wiring, self.stubs())
    }

    /// Asserts that there is nothing [`unanswered`](Self::unanswered).
    ///
    /// At the beginning of a test, behind its stubs, it says which are missing before anything runs; at the end it finds what the
    /// test itself saw handlers send. What handlers were seen to send in other tests of the process is in it too, so at the beginning
    /// only what they declare does not depend on which tests ran before.
    ///
    /// # Panics
    /// If there is; the text lists every message with the handler that sends it.
    #[track_caller]
    pub fn assert_exhaustive(&self) {
        let unanswered = self.unanswered();
        let Some(first) = unanswered.first() else { return };
        let lines = unanswered.iter().fold(String::new(), |text, one| format!("{text}\n  {one}"));
        let stub = first.message.short_name();
        panic!(
            "what handlers of this bus send is neither handled on it nor stubbed:{lines}\nstub each, with `on::<{stub}>()` and so on"
        );
    }
}

fn unanswered(wiring: &Wiring, stubs: &Stubs) -> Vec<Unanswered> {
    let handled = |message: TypeId| {
        wiring.routes().iter().any(|route| route.message.type_id() == message && !route.handlers.is_empty())
    };
    let handlers = wiring.routes().iter().flat_map(|route| &route.handlers);
    let sent = handlers.flat_map(sent_by);
    sent.filter(|sent| {
        let message = sent.message.type_id();
        sent.message.kind != Kind::Event && !handled(message) && !stubs.has(message)
    })
    .collect()
}

/// What a handler says that it sends, and what else it was seen to send.
fn sent_by(handler: &HandlerFacts) -> Vec<Unanswered> {
    let sender = *handler;
    let declared = sender.settings.sends.iter().map(|message| Unanswered { message, sender, is_declared: true });
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen =
        seen.iter().filter(|((by, _), message)| *by == place(handler) && !sender.settings.sends.contains(*message));
    declared.chain(seen.map(|(_, message)| Unanswered { message, sender, is_declared: false })).collect()
}
