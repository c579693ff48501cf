//! Layers of one message type, written with its types.

use std::{future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use super::{Around, AsyncAround, AsyncNext, Dispatch, Dispatched, Done, Layer, Link, Next, Site};
use crate::{
    bus::Bus,
    handler::BoxFuture,
    message::{Message, MessageFacts},
    sync_bus::SyncBus,
};

/// What is inside a layer made by [`on`]: the further layers and the handler.
pub struct TypedNext<'a, M: Message> {
    dispatch: Dispatch<'a>,
    next: Next<'a>,
    of: PhantomData<fn(M)>,
}

/// What is inside a layer made by [`on_async`]: the further layers and the handler.
pub struct TypedAsyncNext<'a, M: Message> {
    dispatch: Dispatch<'a>,
    next: AsyncNext<'a>,
    of: PhantomData<fn(M)>,
}

impl<M: Message> TypedNext<'_, M> {
    /// Runs it with `message`; as often as there is one.
    pub fn run(&mut self, message: M) -> Dispatched<M> {
        let replacements = self.dispatch.payload.replacements();
        put(&mut self.dispatch, message);
        self.next.run(&mut self.dispatch);
        taken::<M>(&mut self.dispatch, replacements)
    }
}

impl<M: Message> TypedAsyncNext<'_, M> {
    /// Runs it with `message`; as often as there is one.
    pub async fn run(&mut self, message: M) -> Dispatched<M> {
        let replacements = self.dispatch.payload.replacements();
        put(&mut self.dispatch, message);
        self.next.run(&mut self.dispatch).await;
        taken::<M>(&mut self.dispatch, replacements)
    }
}

fn put<M: Message>(dispatch: &mut Dispatch<'_>, message: M) {
    let put = dispatch.replace(message);
    assert!(put.is_ok(), "the link is put around no other message");
}

/// The outcome; the message of the next call stands for the same one as this.
fn taken<M: Message>(dispatch: &mut Dispatch<'_>, replacements: usize) -> Dispatched<M> {
    dispatch.payload.restore(replacements);
    dispatch.payload.take_outcome::<M>().expect("what is inside gave an outcome")
}

type SyncClosure<M> = dyn Fn(M, TypedNext<'_, M>) -> Dispatched<M> + Send + Sync;
type AsyncClosure<M> = dyn for<'a> Fn(M, TypedAsyncNext<'a, M>) -> BoxFuture<'a, Dispatched<M>> + Send + Sync;

/// A layer of one message on a `SyncBus`: made by [`on`].
pub struct On<M: Message>(Arc<SyncClosure<M>>);

/// A layer of one message on a `Bus`: made by [`on_async`].
pub struct OnAsync<M: Message>(Arc<AsyncClosure<M>>);

/// Puts `around` around the dispatches of an `M` on a [`SyncBus`], and around no others.
///
/// It gets the message and gives the outcome: it may answer itself, hand on another message, change the outcome or, with
/// a message that is `Clone`, run what is inside again. An event's outcome is that of the whole `publish`.
///
/// The message that it hands on is for what is inside. Layers outside that want the message afterwards have the one that came
/// to them: every attempt of a retry begins with it, and a dead letter holds it. Only if the message is not `Clone` there
/// is no other than that which was handed on.
///
/// ```
/// use linkbus::{Command, ExecuteError, SyncBus, layer::on};
///
/// #[derive(Command)]
/// struct Pay { cents: u64 }
///
/// let bus = SyncBus::empty()
///     .command(|pay: Pay| assert_eq!(pay.cents, 95))
///     .layer(on::<Pay>(|mut pay, mut next| {
///         pay.cents -= 5;
///         next.run(pay)
///     }))
///     .build()
///     .unwrap();
/// bus.execute(Pay { cents: 100 }).unwrap();
/// ```
pub fn on<M: Message>(around: impl Fn(M, TypedNext<'_, M>) -> Dispatched<M> + Send + Sync + 'static) -> On<M> {
    On(Arc::new(around))
}

/// Puts `around` around the dispatches of an `M` on a [`Bus`], and around no others; otherwise as [`on`].
///
/// ```
/// use linkbus::{Bus, Query, SendError, layer::on_async};
///
/// #[derive(Query)]
/// #[query(reply = u32)]
/// struct Rate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let bus = Bus::empty()
///     .query(|_: Rate| Err("the exchange is closed"))
///     .layer(on_async::<Rate>(|rate, mut next| Box::pin(async move { next.run(rate).await.or(Ok(1)) })))
///     .build()
///     .unwrap();
/// assert_eq!(bus.send(Rate).await.unwrap(), 1);
/// # }
/// ```
pub fn on_async<M: Message>(
    around: impl for<'a> Fn(M, TypedAsyncNext<'a, M>) -> Pin<Box<dyn Future<Output = Dispatched<M>> + Send + 'a>>
    + Send
    + Sync
    + 'static,
) -> OnAsync<M> {
    OnAsync(Arc::new(around))
}

impl<M: Message> Layer<SyncBus> for On<M> {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        if site.message() != M::FACTS {
            return site.pass_over();
        }
        Some(Link::around(Typed(Arc::clone(&self.0))))
    }

    fn is_for(&self, message: &'static MessageFacts) -> bool {
        message == M::FACTS
    }

    fn name(&self) -> &'static str {
        "on"
    }
}

impl<M: Message> Layer<Bus> for OnAsync<M> {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        if site.message() != M::FACTS {
            return site.pass_over();
        }
        Some(Link::async_around(Typed(Arc::clone(&self.0))))
    }

    fn is_for(&self, message: &'static MessageFacts) -> bool {
        message == M::FACTS
    }

    fn name(&self) -> &'static str {
        "on_async"
    }
}

/// The link of either. A type of its own, because what is a layer and an around is ambiguous.
struct Typed<F: ?Sized>(Arc<F>);

/// The message, for a layer that wants it by value; what is outside keeps it if it can.
fn take<M: Message>(dispatch: &mut Dispatch<'_>) -> Option<M> {
    dispatch.payload.take::<M>()
}

fn finished<M: Message>(dispatch: &mut Dispatch<'_>, outcome: Dispatched<M>) -> Done {
    dispatch.finish::<M>(outcome).unwrap_or_else(|_| unreachable!("the link is put around no other message"))
}

/// A layer outside called what is inside again, and the message had been handed over.
fn gone(dispatch: &mut Dispatch<'_>) -> Done {
    dispatch.refuse("the message is gone: a layer that calls `next` again must ask for `Site::keep_message`")
}

impl<M: Message> Around for Typed<SyncClosure<M>> {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let Some(message) = take::<M>(dispatch) else { return gone(dispatch) };
        let outcome = (self.0)(message, TypedNext { dispatch: dispatch.reborrow(), next, of: PhantomData });
        finished::<M>(dispatch, outcome)
    }
}

impl<M: Message> AsyncAround for Typed<AsyncClosure<M>> {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let Some(message) = take::<M>(dispatch) else { return gone(dispatch) };
        let next = TypedAsyncNext { dispatch: dispatch.reborrow(), next, of: PhantomData };
        let outcome = (self.0)(message, next).await;
        finished::<M>(dispatch, outcome)
    }
}
