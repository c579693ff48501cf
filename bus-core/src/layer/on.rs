//! Layers of one message type, written with its types.

use std::{future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use super::{Around, AsyncAround, AsyncNext, Dispatch, Dispatched, Done, Layer, Link, Next, Site};
use crate::{bus::Bus, message::Message, sync_bus::SyncBus};

/// Wraps the dispatches of an `M` on a [`SyncBus`], with the types of `M`: made a layer by [`on`].
///
/// A closure `Fn(M, TypedNext<'_, M>) -> Dispatched<M>` is one.
pub trait AroundMessage<M: Message>: Send + Sync + 'static {
    /// Runs the inner layers and the handler with `next`, or does not; gives the outcome.
    fn call(&self, message: M, next: TypedNext<'_, M>) -> Dispatched<M>;
}

impl<M: Message, F> AroundMessage<M> for F
where
    F: Fn(M, TypedNext<'_, M>) -> Dispatched<M> + Send + Sync + 'static,
{
    fn call(&self, message: M, next: TypedNext<'_, M>) -> Dispatched<M> {
        self(message, next)
    }
}

/// Wraps the dispatches of an `M` on a [`Bus`], with the types of `M`: made a layer by [`on_async`].
///
/// A closure that gives a boxed future is one: `|message, mut next| Box::pin(async move { .. })`.
pub trait AsyncAroundMessage<M: Message>: Send + Sync + 'static {
    /// Runs the inner layers and the handler with `next`, or does not; gives the outcome.
    fn call(&self, message: M, next: TypedAsyncNext<'_, M>) -> impl Future<Output = Dispatched<M>> + Send;
}

impl<M: Message, F> AsyncAroundMessage<M> for F
where
    F: for<'a> Fn(M, TypedAsyncNext<'a, M>) -> Pin<Box<dyn Future<Output = Dispatched<M>> + Send + 'a>>
        + Send
        + Sync
        + 'static,
{
    fn call(&self, message: M, next: TypedAsyncNext<'_, M>) -> impl Future<Output = Dispatched<M>> + Send {
        self(message, next)
    }
}

/// What is inside an [`AroundMessage`].
pub struct TypedNext<'a, M: Message> {
    dispatch: Dispatch<'a>,
    next: Next<'a>,
    of: PhantomData<fn(M)>,
}

/// What is inside an [`AsyncAroundMessage`].
pub struct TypedAsyncNext<'a, M: Message> {
    dispatch: Dispatch<'a>,
    next: AsyncNext<'a>,
    of: PhantomData<fn(M)>,
}

impl<M: Message> TypedNext<'_, M> {
    /// Runs it with `message`; as often as there is one.
    pub fn run(&mut self, message: M) -> Dispatched<M> {
        put(&mut self.dispatch, message);
        self.next.run(&mut self.dispatch);
        taken::<M>(&mut self.dispatch)
    }
}

impl<M: Message> TypedAsyncNext<'_, M> {
    /// Runs it with `message`; as often as there is one.
    pub async fn run(&mut self, message: M) -> Dispatched<M> {
        put(&mut self.dispatch, message);
        self.next.run(&mut self.dispatch).await;
        taken::<M>(&mut self.dispatch)
    }
}

fn put<M: Message>(dispatch: &mut Dispatch<'_>, message: M) {
    let put = dispatch.replace(message);
    assert!(put.is_ok(), "the link is put around no other message");
}

fn taken<M: Message>(dispatch: &mut Dispatch<'_>) -> Dispatched<M> {
    dispatch.payload.take_outcome::<M>().expect("what is inside gave an outcome")
}

/// A layer of one message on a `SyncBus`: made by [`on`].
pub struct On<M, A>(Arc<A>, PhantomData<fn(M)>);

/// A layer of one message on a `Bus`: made by [`on_async`].
pub struct OnAsync<M, A>(Arc<A>, PhantomData<fn(M)>);

/// Puts `around` around the dispatches of an `M` on a [`SyncBus`], and around no others.
///
/// It gets the message and gives the outcome: it may answer itself, hand on another message, change the outcome or, with
/// a message that is `Clone`, run what is inside again. An event's outcome is that of the whole `publish`.
///
/// ```
/// use linkbus::{Command, ExecuteError, SyncBus, layer::on};
///
/// #[derive(Command)]
/// struct Pay { cents: u64 }
///
/// let bus = SyncBus::empty()
///     .command(|pay: Pay| assert_eq!(pay.cents, 95))
///     .layer(on::<Pay, _>(|mut pay: Pay, mut next| {
///         pay.cents -= 5;
///         next.run(pay)
///     }))
///     .build()
///     .unwrap();
/// bus.execute(Pay { cents: 100 }).unwrap();
/// ```
pub fn on<M: Message, A: AroundMessage<M>>(around: A) -> On<M, A> {
    On(Arc::new(around), PhantomData)
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
///     .layer(on_async::<Rate, _>(|rate, mut next| Box::pin(async move { next.run(rate).await.or(Ok(1)) })))
///     .build()
///     .unwrap();
/// assert_eq!(bus.send(Rate).await.unwrap(), 1);
/// # }
/// ```
pub fn on_async<M: Message, A: AsyncAroundMessage<M>>(around: A) -> OnAsync<M, A> {
    OnAsync(Arc::new(around), PhantomData)
}

impl<M: Message, A: AroundMessage<M>> Layer<SyncBus> for On<M, A> {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<SyncBus>> {
        if site.message() != M::FACTS {
            return site.pass_over();
        }
        Some(Link::around(OnMessage(Arc::clone(&self.0), PhantomData)))
    }

    fn name(&self) -> &'static str {
        "on"
    }
}

impl<M: Message, A: AsyncAroundMessage<M>> Layer<Bus> for OnAsync<M, A> {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        if site.message() != M::FACTS {
            return site.pass_over();
        }
        Some(Link::async_around(OnMessage(Arc::clone(&self.0), PhantomData)))
    }

    fn name(&self) -> &'static str {
        "on_async"
    }
}

/// The link of either, around an `M`.
struct OnMessage<M, A>(Arc<A>, PhantomData<fn(M)>);

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

impl<M: Message, A: AroundMessage<M>> Around for OnMessage<M, A> {
    fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
        let Some(message) = take::<M>(dispatch) else { return gone(dispatch) };
        let outcome = self.0.call(message, TypedNext { dispatch: dispatch.reborrow(), next, of: PhantomData });
        finished::<M>(dispatch, outcome)
    }
}

impl<M: Message, A: AsyncAroundMessage<M>> AsyncAround for OnMessage<M, A> {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let Some(message) = take::<M>(dispatch) else { return gone(dispatch) };
        let next = TypedAsyncNext { dispatch: dispatch.reborrow(), next, of: PhantomData };
        let outcome = self.0.call(message, next).await;
        finished::<M>(dispatch, outcome)
    }
}
