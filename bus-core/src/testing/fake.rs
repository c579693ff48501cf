//! Buses that answer by themselves.

mod roles;

use std::{
    fmt,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use super::{
    journal::Journal,
    spy::Spy,
    stub::{On, Stubs},
};
use crate::{
    builder::Builder,
    bus::Bus,
    flavor::Flavor,
    handler::HandlerFacts,
    message::{Kind, Location, Message},
    sync_bus::SyncBus,
    wiring::WiringError,
};

/// A [`Bus`] whose messages are answered by stubs, and noted. See [`Fake`].
pub type FakeBus = Fake<Bus>;

/// A [`SyncBus`] whose messages are answered by stubs, and noted. See [`Fake`].
pub type SyncFakeBus = Fake<SyncBus>;

/// A bus for tests: what has a handler on it is handled, everything else is answered by stubs, and all of it is noted.
///
/// [`FakeBus`] and [`SyncFakeBus`] are its two forms. Code under test that wants a role (`&impl AsyncQueryDispatcher`) takes the
/// fake itself; code that wants `&Bus` or a handle takes [`bus`](Self::bus), which is a real bus. For assertions it
/// dereferences to a [`Journal`].
///
/// Without a stub, commands, events and tasks succeed, and a query fails with `NoHandler`; it is noted all the same.
///
/// ```
/// use linkbus::{Command, Event, Query, SyncBus, testing::SyncFakeBus};
///
/// #[derive(Query, Debug)]
/// #[query(reply = u32)]
/// struct Stock { item: u32 }
/// #[derive(Command, Debug)]
/// struct Reserve { item: u32 }
/// #[derive(Event, Debug)]
/// struct SoldOut;
///
/// /// What is tested.
/// fn buy(bus: &SyncBus, item: u32) -> Result<(), linkbus::AnyError> {
///     match bus.send(Stock { item })? {
///         0 => bus.publish(SoldOut)?,
///         _ => bus.execute(Reserve { item })?,
///     }
///     Ok(())
/// }
///
/// let fake = SyncFakeBus::new();
/// fake.on::<Stock>().reply_each([1, 0]);
/// buy(fake.bus(), 7).unwrap();
/// buy(fake.bus(), 7).unwrap();
/// fake.assert_executed_where(1, |reserve: &Reserve| reserve.item == 7);
/// fake.assert_published::<SoldOut>(1);
/// ```
///
/// An assertion that fails says what was there instead:
///
/// ```
/// # use linkbus::{Command, Event, testing::SyncFakeBus};
/// # #[derive(Command, Debug)]
/// # #[command(name = "shop.Reserve")]
/// # struct Reserve { item: u32 }
/// # #[derive(Event, Debug)]
/// # #[event(name = "shop.SoldOut")]
/// # struct SoldOut;
/// let fake = SyncFakeBus::new();
/// fake.bus().execute(Reserve { item: 7 }).unwrap();
///
/// let panic = std::panic::catch_unwind(|| fake.assert_published::<SoldOut>(1)).unwrap_err();
/// let text = panic.downcast_ref::<String>().unwrap();
/// assert!(text.starts_with(
///     "expected `shop.SoldOut` to be published once, but it was published not at all
/// what was dispatched:
///    1. execute shop.Reserve: Reserve { item: 7 } -> succeeded, at "
/// ));
/// ```
pub struct Fake<B: Flavor> {
    bus: B,
    stubs: Arc<Stubs>,
    journal: Journal,
}

/// A panic leaves it whole: an assertion that fails may be caught.
impl<B: Flavor> UnwindSafe for Fake<B> {}
impl<B: Flavor> RefUnwindSafe for Fake<B> {}

impl<B: Flavor> Clone for Fake<B> {
    fn clone(&self) -> Self {
        Fake { bus: self.bus.clone(), stubs: Arc::clone(&self.stubs), journal: self.journal.clone() }
    }
}

impl<B: Flavor> fmt::Debug for Fake<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("dispatched", &self.journal.all()).finish_non_exhaustive()
    }
}

impl FakeBus {
    /// A fake on which nothing is handled.
    #[expect(clippy::new_without_default, reason = "a default bus would be one of everything that is linked")]
    #[expect(clippy::missing_panics_doc, reason = "a bus of nothing can be built")]
    pub fn new() -> Self {
        Fake::over(Bus::empty()).expect("nothing is wired, so nothing is wrong with it")
    }
}

impl SyncFakeBus {
    /// A fake on which nothing is handled.
    #[expect(clippy::new_without_default, reason = "a default bus would be one of everything that is linked")]
    #[expect(clippy::missing_panics_doc, reason = "a bus of nothing can be built")]
    pub fn new() -> Self {
        Fake::over(SyncBus::empty()).expect("nothing is wired, so nothing is wrong with it")
    }
}

impl<B: Flavor> Fake<B> {
    /// Spies on the bus that `builder` builds, and answers what it has no handler for.
    ///
    /// For one module whose neighbours are stubbed, give it a builder with [`modules`](Builder::modules); for a whole program with
    /// some handlers replaced, one with [`replace`](Builder::replace). It is always [`partial`](Builder::partial): a message
    /// without a handler is one for a stub. Layers of the builder are around stubs as they are around handlers.
    ///
    /// # Errors
    /// As [`Builder::build`], but for messages without a handler.
    ///
    /// ```
    /// use linkbus::{Command, Query, SyncBus, testing::SyncFakeBus};
    ///
    /// #[derive(Query)]
    /// #[query(reply = u32)]
    /// struct Stock;
    /// #[derive(Command, Clone)]
    /// struct Buy;
    ///
    /// let fake = SyncFakeBus::over(SyncBus::empty().command(|_: Buy| ()))?;
    /// fake.on::<Stock>().reply(3);
    /// fake.bus().execute(Buy)?; // by its handler
    /// fake.bus().send(Stock)?; // by the stub
    /// fake.assert_executed::<Buy>(1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn over(builder: Builder<B>) -> Result<Self, WiringError> {
        let (journal, stubs) = (Journal::new(), Arc::<Stubs>::default());
        let bus = builder.build_with_double(Spy::into(journal.clone()), Arc::clone(&stubs))?;
        Ok(Fake { bus, stubs, journal })
    }

    /// The bus itself, for code that wants one.
    pub fn bus(&self) -> &B {
        &self.bus
    }

    /// What to answer to messages of this type, which must have no handler. [`On`] says how.
    ///
    /// # Panics
    /// If the bus has a handler or a subscriber for them, or a transport that carries them: the stub would never be asked. The
    /// text says where that is, and what to write instead.
    ///
    /// ```
    /// # use linkbus::{Query, SyncBus, testing::SyncFakeBus};
    /// # #[derive(Query)]
    /// # #[query(reply = u32)]
    /// # struct Stock;
    /// let whole = || SyncBus::empty().query(|_: Stock| 3);
    /// let fake = SyncFakeBus::over(whole())?;
    /// assert!(std::panic::catch_unwind(|| fake.on::<Stock>().reply(0)).is_err());
    ///
    /// let fake = SyncFakeBus::over(whole().replace(|_: Stock| 0))?;
    /// assert_eq!(fake.bus().send(Stock).unwrap(), 0);
    /// # Ok::<(), linkbus::WiringError>(())
    /// ```
    #[track_caller]
    pub fn on<M: Message>(&self) -> On<'_, M> {
        let route = self.bus.core().wiring.route::<M>();
        if let Some(handler) = route.and_then(|route| route.handlers.first()) {
            panic!("{}", idle(handler));
        }
        On::new(&self.stubs, Location::of_caller())
    }

    pub(super) fn stubs(&self) -> &Stubs {
        &self.stubs
    }

    /// Forgets the stubs and what was dispatched.
    pub fn reset(&self) {
        self.stubs.clear();
        self.journal.clear();
    }
}

/// Why a stub has nothing to do beside `handler`, and what to write instead.
fn idle(handler: &HandlerFacts) -> String {
    let HandlerFacts { name, location, message, is_remote, .. } = handler;
    let (method, lent) = match message.kind {
        Kind::Event => ("replace_subscribers", "&"),
        kind if *is_remote => (kind.label(), ""),
        _ => ("replace", ""),
    };
    let who = match (is_remote, message.kind) {
        (true, _) => "goes through the transport",
        (false, Kind::Event) => "has the subscriber",
        (false, _) => "is handled by",
    };
    let short_name = message.short_name();
    format!(
        "a stub for `{}` would never be asked: on this bus it {who} `{name}` ({location}); give its builder \
         `.{method}(|_: {lent}{short_name}| ..)` instead",
        message.name,
    )
}

impl<B: Flavor> Deref for Fake<B> {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.journal
    }
}
