//! The one module with unsafe code: handlers whose types are forgotten, and how a bus remembers them.

use std::{
    any::{Any, TypeId},
    marker::PhantomData,
    mem::transmute,
    ptr::NonNull,
    sync::Arc,
};

use super::index::Place;
use crate::{
    bus::Bus,
    context::Context,
    depth::Limit,
    error::{AnyError, SubscriberFailure},
    flavor::Flavor,
    handler::{self, AsyncHandler, Bound, BoxFuture, Delivered, Outcome, Running, SyncHandler, may_enter},
    layer::{Chain, ErasedPayload, LayerFailure, Layered, Particulars, SubscriberLimits},
    message::{Event, Message, MessageFacts},
    publish,
    sync_bus::SyncBus,
    wiring::{Provided, Resolve},
};

/// A shared reference to a `T: Sync` whose type is forgotten.
#[derive(Clone, Copy)]
pub(crate) struct Opaque<'a> {
    pointer: NonNull<()>,
    lifetime: PhantomData<&'a ()>,
}

// SAFETY: an `Opaque` is made from a `&T` with `T: Sync` only, and gives nothing else back.
unsafe impl Send for Opaque<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Opaque<'_> {}

impl<'a> Opaque<'a> {
    #[inline]
    fn of<T: Sync>(value: &'a T) -> Self {
        Opaque { pointer: NonNull::from(value).cast(), lifetime: PhantomData }
    }

    /// # Safety
    /// `self` was made from a `&T`, or `T` is a unit struct.
    #[inline]
    unsafe fn get<T>(self) -> &'a T {
        // SAFETY: the caller vouches for the type; the lifetime is that of the reference `self` was made from. A unit
        // struct has no bytes and no alignment, so that every reference is one to it.
        unsafe { self.pointer.cast().as_ref() }
    }
}

/// The bus of a handler that asks for none: it can be put on both.
pub struct AnyBus;

/// A bus type that a handler may be called with on the bus `B`.
///
/// # Safety
/// `Self` is `B`, or a unit struct: a `&B` is read as a `&Self`.
pub unsafe trait On<B>: 'static {}

// SAFETY: it is the same type.
unsafe impl On<Bus> for Bus {}
// SAFETY: it is the same type.
unsafe impl On<SyncBus> for SyncBus {}
// SAFETY: `AnyBus` is a unit struct.
unsafe impl<B: Flavor> On<B> for AnyBus {}

/// What a handler of `M` returns.
type Returned<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

// The four functions that call a handler `H` of `M`. What their callers owe them: the first argument was made from a
// `Bound<H::Needs>`, the second from a bus that `H` is `On`, and the third of the last two from an `M`.
type SyncCall<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, M) -> Outcome<M>;
type AsyncCall<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, M) -> BoxFuture<'a, Returned<M>>;
type SyncNotify<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> Result<(), Box<<M as Message>::Failure>>;
type AsyncNotify<M> = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> BoxFuture<'a, Returned<M>>;

/// # Safety
/// As the comment on [`SyncCall`] says.
unsafe fn sync_call<M: Message, H: SyncHandler<M>>(bound: Opaque<'_>, bus: Opaque<'_>, message: M) -> Outcome<M> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>()) };
    handler::call::<M, H>(bound, bus, message)
}

/// # Safety
/// As the comment on [`SyncCall`] says.
unsafe fn sync_notify<M: Message, H: SyncHandler<M>>(
    bound: Opaque<'_>,
    bus: Opaque<'_>,
    event: Opaque<'_>,
) -> Result<(), Box<M::Failure>> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus, event) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>(), event.get::<M>()) };
    handler::notify::<M, H>(bound, bus, event)
}

/// # Safety
/// As the comment on [`SyncCall`] says; the bus is a `Bus`.
unsafe fn async_call<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    message: M,
) -> BoxFuture<'a, Returned<M>> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>()) };
    Box::pin(H::call(&bound.needs, bus, Delivered::Owned(message)))
}

/// # Safety
/// As the comment on [`SyncCall`] says; the bus is a `Bus`.
unsafe fn async_notify<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    event: Opaque<'a>,
) -> BoxFuture<'a, Returned<M>> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus, event) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>(), event.get::<M>()) };
    Box::pin(H::call(&bound.needs, bus, Delivered::Shared(event)))
}

/// A function of one of the four types above, which one it is being forgotten but for this much.
#[derive(Clone, Copy)]
enum Function {
    Sync(fn()),
    /// Asynchronous, and whether it has a way to dispatch.
    Async(fn(), bool),
    /// None: what it is bound to is the `Layered` around the handler.
    Layered,
}

impl Function {
    const fn sync<M: Message, H: SyncHandler<M>>() -> Self {
        // SAFETY: one function pointer type for another; it is not called before it is turned back.
        let function = unsafe {
            if M::FACTS.kind.has_one_handler() {
                transmute::<SyncCall<M>, fn()>(sync_call::<M, H>)
            } else {
                transmute::<SyncNotify<M>, fn()>(sync_notify::<M, H>)
            }
        };
        Function::Sync(function)
    }

    const fn asynchronous<M: Message, H: AsyncHandler<M>>() -> Self {
        // SAFETY: one function pointer type for another; it is not called before it is turned back.
        let function = unsafe {
            if M::FACTS.kind.has_one_handler() {
                transmute::<AsyncCall<M>, fn()>(async_call::<M, H>)
            } else {
                transmute::<AsyncNotify<M>, fn()>(async_notify::<M, H>)
            }
        };
        Function::Async(function, H::MAY_DISPATCH)
    }
}

// The two functions that call a handler `H` of `M` from inside its layers. What their callers owe them: the first argument
// was made from a `Bound<H::Needs>` and the second from a bus that `H` is `On`. Whether the payload is one of `M` they see
// for themselves.
type SyncInside = for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, &mut (dyn ErasedPayload + 'static));
type AsyncInside =
    for<'a> unsafe fn(Opaque<'a>, Opaque<'a>, &'a mut (dyn ErasedPayload + 'static)) -> BoxFuture<'a, ()>;

/// How a handler is called from inside its layers.
#[derive(Clone, Copy)]
enum Inside {
    Sync(SyncInside),
    /// And whether it has a way to dispatch.
    Async(AsyncInside, bool),
}

/// # Safety
/// As the comment on [`SyncInside`] says.
unsafe fn sync_inside<M: Message, H: SyncHandler<M>>(
    bound: Opaque<'_>,
    bus: Opaque<'_>,
    payload: &mut (dyn ErasedPayload + 'static),
) {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<H::Bus>()) };
    handler::call_inside::<M, H>(bound, bus, payload);
}

/// # Safety
/// As the comment on [`SyncInside`] says; the bus is a `Bus`.
unsafe fn async_inside<'a, M: Message, H: AsyncHandler<M>>(
    bound: Opaque<'a>,
    bus: Opaque<'a>,
    payload: &'a mut (dyn ErasedPayload + 'static),
) -> BoxFuture<'a, ()> {
    // SAFETY: the caller vouches for the types.
    let (bound, bus) = unsafe { (bound.get::<Bound<H::Needs>>(), bus.get::<Bus>()) };
    Box::pin(handler::run_inside::<M, H>(bound, bus, payload))
}

type Owner = Arc<dyn Any + Send + Sync>;

/// A handler that can be put on a bus of the type `B`, without what it needs: data, made by the compiler.
pub struct Entry<B> {
    function: Function,
    inside: Inside,
    message: fn() -> TypeId,
    place: Place,
    is_shared: bool,
    bind: fn(&Provided, Limit) -> Owner,
    bus: PhantomData<fn(&B)>,
}

/// A handler with what it needs.
///
/// # How the types are forgotten and remembered
///
/// Only [`Entry`] and the constructors here make one, for a message `M` and a handler `H` that is `On<B>`, or that is
/// asynchronous if `B` is `Bus`, and only then: `function` calls `H` with an `M`, `owner` holds a `Bound<H::Needs>`, and
/// `place` is that of `M`. [`Table`] keeps it in the slot `place` of `calls` if `M` has one handler
/// and of `events` if not, which decides the type of `function` together with the variant.
///
/// [`Table::call`] and [`Table::subscribers`] are the only readers: for a type `M` they read the slot of `M`'s place, one
/// in `calls` and one in `events`. A place comes from a `MessageIndex<M>`, a place belongs to one `MessageIndex` value for
/// good, and that value has one, invariant, type parameter. So whatever `Message::index` returns, even in an
/// implementation written by hand to deceive: the `M` that reads a slot is the `M` that wrote it.
pub(crate) struct Handler<B> {
    function: Function,
    inside: Inside,
    message: fn() -> TypeId,
    place: Place,
    is_shared: bool,
    owner: Owner,
    bus: PhantomData<fn(&B)>,
}

impl<B: Flavor> Entry<B> {
    /// The synchronous handler `H` of `M`.
    pub const fn sync<M: Message, H: SyncHandler<M, Needs: Resolve, Bus: On<B>>>() -> Self {
        Entry::new::<M>(Function::sync::<M, H>(), Inside::Sync(sync_inside::<M, H>), bind::<H::Needs>)
    }

    const fn new<M: Message>(function: Function, inside: Inside, bind: fn(&Provided, Limit) -> Owner) -> Self {
        let is_shared = !M::FACTS.kind.has_one_handler();
        Entry { function, inside, message: TypeId::of::<M>, place: Place::of::<M>(), is_shared, bind, bus: PhantomData }
    }

    pub(crate) fn bind(&self, provided: &Provided, limit: Limit) -> Handler<B> {
        let Entry { function, inside, message, place, is_shared, .. } = *self;
        Handler { function, inside, message, place, is_shared, owner: (self.bind)(provided, limit), bus: PhantomData }
    }
}

impl Entry<Bus> {
    /// The asynchronous handler `H` of `M`.
    pub const fn asynchronous<M: Message, H: AsyncHandler<M, Needs: Resolve>>() -> Self {
        let inside = Inside::Async(async_inside::<M, H>, H::MAY_DISPATCH);
        Entry::new::<M>(Function::asynchronous::<M, H>(), inside, bind::<H::Needs>)
    }
}

/// One function for all handlers that need the same, not one for each.
fn bind<N: Resolve>(provided: &Provided, limit: Limit) -> Owner {
    Arc::new(Bound { needs: N::resolve(provided), limit })
}

impl<B: Flavor> Handler<B> {
    /// The synchronous handler `H` of `M`, with what it needs.
    pub(crate) fn sync<M: Message, H: SyncHandler<M, Bus: On<B>>>(needs: H::Needs, limit: Limit) -> Self {
        let inside = Inside::Sync(sync_inside::<M, H>);
        Handler::new::<M>(Function::sync::<M, H>(), inside, Arc::new(Bound { needs, limit }))
    }

    fn new<M: Message>(function: Function, inside: Inside, owner: Owner) -> Self {
        let is_shared = !M::FACTS.kind.has_one_handler();
        Handler {
            function,
            inside,
            message: TypeId::of::<M>,
            place: Place::of::<M>(),
            is_shared,
            owner,
            bus: PhantomData,
        }
    }
}

impl Handler<Bus> {
    /// The asynchronous handler `H` of `M`, with what it needs.
    pub(crate) fn asynchronous<M: Message, H: AsyncHandler<M>>(needs: H::Needs, limit: Limit) -> Self {
        let inside = Inside::Async(async_inside::<M, H>, H::MAY_DISPATCH);
        Handler::new::<M>(Function::asynchronous::<M, H>(), inside, Arc::new(Bound { needs, limit }))
    }
}

/// A handler in its place, ready to be called.
struct Slot {
    function: Function,
    /// Made from the `Bound` inside one of the table's `owners`.
    bound: Opaque<'static>,
}

impl Slot {
    fn new(function: Function, owner: &Owner) -> Slot {
        Slot { function, bound: opaque(owner) }
    }
}

fn opaque(owner: &Owner) -> Opaque<'static> {
    Opaque { pointer: NonNull::from(&**owner).cast(), lifetime: PhantomData }
}

/// The subscribers of one event, in subscription order.
#[derive(Default)]
struct Subscribers {
    slots: Vec<Slot>,
    /// The event's type; `None` as long as there is no subscriber.
    event: Option<TypeId>,
}

/// What is inside all layers of a message. It is kept in the table that has the owners of what it points into.
pub(crate) struct Inner<B> {
    kind: InnerKind,
    limit: Limit,
    bus: PhantomData<fn(&B)>,
}

enum InnerKind {
    /// The message has no handler on this bus.
    Nobody,
    Handler(Inside, Opaque<'static>),
    Subscribers(Subscribers),
}

/// What a bus calls: each handler in the place of its message. [`Handler`] says how the types are kept.
pub(crate) struct Table<B: Flavor> {
    /// The messages with one handler.
    calls: Vec<Option<Slot>>,
    events: Vec<Subscribers>,
    /// The layers around events.
    layered_events: Vec<Option<Arc<Layered<B>>>>,
    /// What the slots point into: never given away, never dropped before the table.
    owners: Vec<Owner>,
    limit: Limit,
    bus: PhantomData<fn(&B)>,
}

impl<B: Flavor> Table<B> {
    pub(crate) fn new(limit: Limit) -> Self {
        let (calls, events, layered_events, owners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Table { calls, events, layered_events, owners, limit, bus: PhantomData }
    }

    /// Adds a handler: the last one of a message that has one handler, a further one of an event.
    pub(crate) fn add(&mut self, handler: Handler<B>) {
        let place = handler.place.assign();
        let slot = Slot::new(handler.function, &handler.owner);
        self.owners.push(handler.owner);
        if handler.is_shared {
            let subscribers = at(&mut self.events, place);
            subscribers.slots.push(slot);
            subscribers.event = Some((handler.message)());
        } else {
            at(&mut self.calls, place).replace(slot);
        }
    }

    /// Adds the handler of a message that has one handler, with layers around it.
    pub(crate) fn add_layered(&mut self, handler: Handler<B>, chain: Chain<B>) {
        let place = handler.place.assign();
        let kind = InnerKind::Handler(handler.inside, opaque(&handler.owner));
        self.owners.push(handler.owner);
        self.put_layered(place, chain.around(Inner { kind, limit: self.limit, bus: PhantomData }));
    }

    /// Puts layers around the subscribers of an event, after they were added, or around a message that has no handler.
    pub(crate) fn layer(&mut self, message: &'static MessageFacts, chain: Chain<B>) {
        let place = message.place.assign();
        if message.kind.has_one_handler() {
            let kind = InnerKind::Nobody;
            return self.put_layered(place, chain.around(Inner { kind, limit: self.limit, bus: PhantomData }));
        }
        let kind = InnerKind::Subscribers(std::mem::take(at(&mut self.events, place)));
        let layered = chain.around(Inner { kind, limit: self.limit, bus: PhantomData });
        at(&mut self.layered_events, place).replace(Arc::new(layered));
    }

    fn put_layered(&mut self, place: usize, layered: Layered<B>) {
        let owner: Owner = Arc::new(layered);
        at(&mut self.calls, place).replace(Slot::new(Function::Layered, &owner));
        self.owners.push(owner);
    }

    /// The handler of `M`, if it is synchronous and has no layers: one look at the slot, for those who want nothing else.
    #[inline]
    pub(crate) fn plain<M: Message>(&self) -> Option<Called<'_, SyncCall<M>, B>> {
        match self.calls.get(M::index().number()) {
            Some(&Some(Slot { function: Function::Sync(call), bound })) => {
                // SAFETY: of the slot of `M` in `calls` and synchronous, so it has the type `SyncCall<M>`: see `Handler`.
                let call = unsafe { transmute::<fn(), SyncCall<M>>(call) };
                Some(Called { call, bound, bus: PhantomData })
            }
            _ => None,
        }
    }

    /// The handler of `M`.
    #[inline]
    pub(crate) fn call<M: Message>(&self) -> Option<Call<'_, M, B>> {
        let &Slot { function, bound } = self.calls.get(M::index().number())?.as_ref()?;
        // SAFETY: of the slot of `M` in `calls`, so it has the type that belongs to `M` and the variant: see `Handler`. A
        // slot with the variant `Layered` is made by `put_layered` only, and its owner is a `Layered<B>`.
        Some(unsafe {
            match function {
                Function::Sync(call) => {
                    let call = transmute::<fn(), SyncCall<M>>(call);
                    Call::Sync(Called { call, bound, bus: PhantomData })
                }
                Function::Async(call, may_dispatch) => {
                    let call = transmute::<fn(), AsyncCall<M>>(call);
                    let limit = may_dispatch.then_some(&self.limit);
                    Call::Async(Called { call, bound, bus: PhantomData }, limit)
                }
                Function::Layered => Call::Layered(bound.get::<Layered<B>>()),
            }
        })
    }

    /// The layers around `E`, if there are any.
    #[inline]
    pub(crate) fn layered_event<E: Event>(&self) -> Option<&Layered<B>> {
        self.layered_events.get(E::index().number())?.as_deref()
    }

    /// The layers around a message whose type is known at run time only, if there are any.
    pub(crate) fn layered(&self, message: &MessageFacts) -> Option<&Layered<B>> {
        let place = message.place.number();
        if !message.kind.has_one_handler() {
            return self.layered_events.get(place)?.as_deref();
        }
        match *self.calls.get(place)?.as_ref()? {
            // SAFETY: a slot with the variant `Layered` is made by `put_layered` only, and its owner is a `Layered<B>`.
            Slot { function: Function::Layered, bound } => Some(unsafe { bound.get::<Layered<B>>() }),
            Slot { function: Function::Sync(_) | Function::Async(..), .. } => None,
        }
    }

    /// The subscribers of `E`, to be called with `event` on `bus`; none if there are layers around `E`.
    #[inline]
    pub(crate) fn subscribers<'a, E: Event>(&'a self, bus: &'a B, event: &'a E) -> Publication<'a> {
        let slots = self.events.get(E::index().number()).map_or(&[][..], |subscribers| &subscribers.slots);
        Publication {
            slots,
            first: 0,
            bus: Opaque::of(bus),
            event: Opaque::of(event),
            limit: &self.limit,
            message: E::FACTS,
            cause: None,
        }
    }
}

/// An event whose type is known at run time only.
pub(crate) struct Lent<'a> {
    event: Opaque<'a>,
    /// That of what `event` was made from.
    type_id: TypeId,
    message: &'static MessageFacts,
}

impl<'a> Lent<'a> {
    pub(crate) fn of<M: Message>(message: &'a M) -> Self {
        Lent { event: Opaque::of(message), type_id: TypeId::of::<M>(), message: M::FACTS }
    }
}

impl<B: Flavor> Inner<B> {
    /// For all subscribers, or for the one that it is for.
    fn publication<'a>(&'a self, bus: &'a B, event: &Lent<'a>, of: &'a Particulars) -> Option<Publication<'a>> {
        let InnerKind::Subscribers(subscribers) = &self.kind else { return None };
        let slots = match subscribers.event {
            Some(known) => {
                assert!(known == event.type_id, "the payload of another event");
                &subscribers.slots[..]
            }
            None => &[],
        };
        let only = of.only_subscriber;
        let slots = only.map_or(slots, |only| slots.get(only..=only).unwrap_or_default());
        Some(Publication {
            slots,
            first: only.unwrap_or_default(),
            bus: Opaque::of(bus),
            event: event.event,
            limit: &self.limit,
            message: event.message,
            cause: of.context.as_ref(),
        })
    }
}

impl Inner<SyncBus> {
    /// Calls the handler or the subscribers with what is in `payload`, and puts the outcome there.
    #[inline]
    pub(crate) fn call(&self, bus: &SyncBus, payload: &mut (dyn ErasedPayload + 'static)) {
        match &self.kind {
            // SAFETY: `inside` and `bound` are of one handler, put on a table of the bus type `SyncBus`: see `Handler`.
            InnerKind::Handler(Inside::Sync(inside), bound) => unsafe { inside(*bound, Opaque::of(bus), payload) },
            _ => self.call_others(bus, payload),
        }
    }

    /// Out of line, so that the usual call has fewer registers to save.
    #[inline(never)]
    fn call_others(&self, bus: &SyncBus, payload: &mut (dyn ErasedPayload + 'static)) {
        match &self.kind {
            InnerKind::Nobody => payload.fail(LayerFailure::NoHandler),
            InnerKind::Handler(Inside::Sync(_), _) => unreachable!("it is called in line"),
            InnerKind::Handler(Inside::Async(..), _) => {
                unreachable!("there are no asynchronous handlers on a `SyncBus`")
            }
            InnerKind::Subscribers(_) => {
                let particulars = payload.particulars();
                let publication = payload.lend().and_then(|event| self.publication(bus, &event, particulars));
                let Some(publication) = publication else { return };
                let failures = publish::caused(&publication).map_or_else(Vec::new, |round| round.failures);
                let first = publication.first;
                publish::put(failures, first, payload, bus.wiring());
            }
        }
    }
}

impl Inner<Bus> {
    /// Runs the handler or the subscribers with what is in `payload`, and puts the outcome there.
    pub(crate) async fn run(
        &self,
        bus: &Bus,
        payload: &mut (dyn ErasedPayload + 'static),
        limits: Option<&SubscriberLimits<'_>>,
    ) {
        match &self.kind {
            InnerKind::Nobody => payload.fail(LayerFailure::NoHandler),
            // SAFETY: `inside` and `bound` are of one handler, put on a table of the bus type `Bus`: see `Handler`.
            InnerKind::Handler(Inside::Sync(inside), bound) => unsafe { inside(*bound, Opaque::of(bus), payload) },
            InnerKind::Handler(Inside::Async(inside, may_dispatch), bound) => {
                let (message, limit) = (payload.facts(), may_dispatch.then_some(&self.limit));
                if let Err(limit) = may_enter(message, limit) {
                    return payload.fail(LayerFailure::RecursionLimit(limit));
                }
                // SAFETY: `inside` and `bound` are of one handler, and the bus is a `Bus`.
                let future = unsafe { inside(*bound, Opaque::of(bus), payload) };
                Running { future, message, limit }.await;
            }
            InnerKind::Subscribers(_) => {
                let particulars = payload.particulars();
                let publication = payload.lend().and_then(|event| self.publication(bus, &event, particulars));
                let Some(publication) = publication else { return };
                let failures = match publish::caused(&publication) {
                    None => Vec::new(),
                    Some(round) => round.finish(&publication, limits).await,
                };
                let first = publication.first;
                publish::put(failures, first, payload, bus.wiring());
            }
        }
    }
}

/// The element at `place`, behind as many new ones as it takes.
fn at<T: Default>(elements: &mut Vec<T>, place: usize) -> &mut T {
    if place >= elements.len() {
        elements.resize_with(place + 1, T::default);
    }
    &mut elements[place]
}

/// A handler of `M`, found.
pub(crate) enum Call<'a, M: Message, B: Flavor> {
    Layered(&'a Layered<B>),
    Sync(Called<'a, SyncCall<M>, B>),
    /// With the limit, if it has a way to dispatch.
    Async(Called<'a, AsyncCall<M>, B>, Option<&'a Limit>),
}

/// The function of a handler on a bus of the type `B`, and what it was bound to.
pub(crate) struct Called<'a, F, B> {
    call: F,
    bound: Opaque<'a>,
    bus: PhantomData<fn(&B)>,
}

impl<M: Message, B: Flavor> Called<'_, SyncCall<M>, B> {
    #[inline]
    pub(crate) fn call(self, bus: &B, message: M) -> Outcome<M> {
        // SAFETY: `bound` and `call` are of one slot, so of one handler, and a table of the bus type `B` has only handlers
        // that are `On<B>`: see `Handler`.
        unsafe { (self.call)(self.bound, Opaque::of(bus), message) }
    }
}

impl<'a, M: Message> Called<'a, AsyncCall<M>, Bus> {
    #[inline]
    pub(crate) fn start(self, limit: Option<&'a Limit>, bus: &'a Bus, message: M) -> Running<'a, Returned<M>> {
        // SAFETY: `bound` and `call` are of one slot, so of one handler, and the bus is a `Bus`.
        let future = unsafe { (self.call)(self.bound, Opaque::of(bus), message) };
        Running { future, message: M::FACTS, limit }
    }
}

/// An event and its subscribers. It has no type parameters: how subscribers are run is compiled once.
#[derive(Clone, Copy)]
pub(crate) struct Publication<'a> {
    /// The slots of the event's type in `events`.
    slots: &'a [Slot],
    /// The place of the first of them among all subscribers of the event.
    pub(crate) first: usize,
    /// Made from a bus of the type whose table has the slots.
    bus: Opaque<'a>,
    /// Made from a value of the event's type `E: Event`, so that `E::Failure` is
    /// `SubscriberFailure` and `Returned<E>` is `Result<(), AnyError>`.
    event: Opaque<'a>,
    limit: &'a Limit,
    message: &'static MessageFacts,
    /// What the subscribers are caused by, if a layer gave it an identity.
    pub(crate) cause: Option<&'a Context>,
}

/// How a subscriber goes on when it was called.
pub(crate) enum Notify<'a> {
    Done(Result<(), Box<SubscriberFailure>>),
    Later(Running<'a, Result<(), AnyError>>),
}

type SyncSubscriber<'a> = unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> Result<(), Box<SubscriberFailure>>;
type AsyncSubscriber<'a> = unsafe fn(Opaque<'a>, Opaque<'a>, Opaque<'a>) -> BoxFuture<'a, Result<(), AnyError>>;

impl<'a> Publication<'a> {
    /// How many subscribers there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Calls the subscriber in this place, if there is one and it is synchronous.
    #[inline]
    pub(crate) fn notify_sync(&self, place: usize) -> Option<Result<(), Box<SubscriberFailure>>> {
        match *self.slots.get(place)? {
            Slot { function: Function::Sync(function), bound } => {
                // SAFETY: of a slot in `events` of the type that `event` has, and synchronous: see `Handler`. `bound` is of
                // the same slot, and the table is that of `bus`.
                Some(unsafe { transmute::<fn(), SyncSubscriber<'a>>(function)(bound, self.bus, self.event) })
            }
            Slot { function: Function::Async(..) | Function::Layered, .. } => None,
        }
    }

    /// Calls the subscriber in this place.
    pub(crate) fn notify(&self, place: usize) -> Notify<'a> {
        match self.slots[place] {
            Slot { function: Function::Async(function, may_dispatch), bound } => {
                let limit = may_dispatch.then_some(self.limit);
                if let Err(limit) = may_enter(self.message, limit) {
                    return Notify::Done(Err(Box::new(SubscriberFailure::RecursionLimit(limit))));
                }
                // SAFETY: of a slot in `events` of the type that `event` has, and asynchronous: see `Handler`. `bound` is of
                // the same slot, and the table is that of `bus`, which is a `Bus` where there is an asynchronous handler.
                let future = unsafe { transmute::<fn(), AsyncSubscriber<'a>>(function)(bound, self.bus, self.event) };
                Notify::Later(Running { future, message: self.message, limit })
            }
            _ => Notify::Done(self.notify_sync(place).expect("it is there and synchronous")),
        }
    }
}

#[cfg(test)]
mod tests {
    //! For Miri: each of the four kinds of function, with and without needs, over tables with holes.

    use std::{any::type_name, sync::Arc, task};

    use super::*;
    use crate::{
        dispatch::MessageIndex,
        message::{Abilities, Kind, Location, MessageFacts},
    };

    macro_rules! message {
        ($name:ident, $kind:ident, $reply:ty, $failure:ty) => {
            struct $name(String);

            impl Message for $name {
                type Reply = $reply;
                type Error = AnyError;
                type Failure = $failure;
                const FACTS: &'static MessageFacts = &MessageFacts {
                    kind: Kind::$kind,
                    name: stringify!($name),
                    type_name: stringify!($name),
                    docs: "",
                    location: Location { file: file!(), line: line!(), module: "" },
                    fields: &[],
                    abilities: Abilities { clone: false, debug: false, serialize: false, deserialize: false },
                    type_id: std::any::TypeId::of::<$name>,
                    reply: type_name::<$reply>,
                    error: type_name::<AnyError>,
                    place: Place::of::<$name>(),
                    revive: None,
                };
                const CLONE: Option<fn(&Self) -> Self> = None;
                const SERIALIZE: Option<crate::probe::SerializeFn<Self>> = None;
                const DESERIALIZE: Option<crate::probe::DeserializeFn<Self>> = None;

                fn index() -> &'static MessageIndex<Self> {
                    static INDEX: MessageIndex<$name> = MessageIndex::new();
                    &INDEX
                }
            }
        };
    }

    message!(Echo, Query, String, crate::SendError<AnyError>);
    message!(Length, Query, usize, crate::SendError<AnyError>);
    message!(Said, Event, (), SubscriberFailure);
    impl crate::OneHandler for Echo {}
    impl crate::Query for Echo {}
    impl crate::OneHandler for Length {}
    impl crate::Query for Length {}
    impl Event for Said {}

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match std::pin::pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop())) {
            task::Poll::Ready(value) => value,
            task::Poll::Pending => panic!("nothing here waits"),
        }
    }

    #[test]
    fn what_was_forgotten_is_remembered() {
        let said = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (first, second) = (said.clone(), said.clone());
        let bus = Bus::empty()
            .query(|echo: Echo| echo.0)
            .query_async(|length: Length| async move { length.0.len() })
            .subscribe(move |event: &Said| first.lock().unwrap().push(event.0.clone()))
            .subscribe_async(move |event: &Said| {
                second.lock().unwrap().push(event.0.to_uppercase());
                async { Err::<(), _>("too late") }
            })
            .build()
            .unwrap();
        assert_eq!(ready(bus.send(Echo("a".into()))).unwrap(), "a");
        assert_eq!(ready(bus.send(Length("abc".into()))).unwrap(), 3);
        assert_eq!(ready(bus.publish(Said("b".into()))).unwrap_err().failures().len(), 1);
        assert_eq!(*said.lock().unwrap(), ["b", "B"]);
        drop(bus.send(Length("never polled".into())));
    }

    #[test]
    fn a_bus_has_no_handler_for_what_another_bus_serves() {
        let _other = SyncBus::empty().query(|length: Length| length.0.len()).build().unwrap();
        let bus = SyncBus::empty().query(|echo: Echo| echo.0).build().unwrap();
        assert_eq!(bus.send(Echo("a".into())).unwrap(), "a");
        assert!(matches!(bus.send(Length("b".into())), Err(crate::SendError::NoHandler { .. })));
        assert!(bus.publish(Said("c".into())).is_ok());
    }
}
