//! Layers that break promises.

use std::{
    future::{Future, poll_fn},
    mem::ManuallyDrop,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use linkbus::{
    Builder, Bus, Message,
    layer::{AsyncAround, AsyncNext, Dispatch, Dispatched, Done, OnAsync, on_async},
};
use linkbus_conformance::messages::{
    Bring, Brought, Carry, Double, Echo, Fate, FindEven, Hang, Happened, Meeting, Parcel, Scrub, Share, Sighted, Steer,
    Store, Triple, Work,
};

/// A layer that answers as if it had been done, where `is_lost` says so.
fn losing<M: Message<Reply = ()>>(is_lost: impl Fn(&M) -> bool + Send + Sync + 'static) -> OnAsync<M> {
    on_async::<M>(move |message, mut next| {
        let is_lost = is_lost(&message);
        Box::pin(async move { if is_lost { Ok(()) } else { next.run(message).await } })
    })
}

fn every_third<M>() -> impl Fn(&M) -> bool {
    let count = AtomicU64::new(0);
    move |_| count.fetch_add(1, SeqCst) % 3 == 2
}

pub(crate) fn loses_every_third(wired: Builder<Bus>) -> Builder<Bus> {
    let (commands, events, tasks) = (every_third(), every_third(), every_third());
    wired.layer(losing::<Store>(commands)).layer(losing::<Happened>(events)).layer(losing::<Work>(tasks))
}

pub(crate) fn does_nothing(wired: Builder<Bus>) -> Builder<Bus> {
    let wired = wired.layer(losing::<Store>(|_| true)).layer(losing::<Happened>(|_| true));
    wired.layer(losing::<Work>(|_| true)).layer(losing::<Meeting>(|_| true))
}

/// An event of which a subscriber would fail is given up before the first is called.
pub(crate) fn gives_up_events(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(losing::<Happened>(|event| event.fates.iter().any(|fate| *fate != Fate::Succeeds)))
}

fn swallowing<M: Message<Reply = ()>>() -> OnAsync<M> {
    on_async::<M>(|message, mut next| {
        Box::pin(async move {
            drop(next.run(message).await);
            Ok(())
        })
    })
}

pub(crate) fn swallows_errors(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(swallowing::<Store>()).layer(swallowing::<Happened>()).layer(swallowing::<Work>())
}

fn twice<M: Message + Clone>() -> OnAsync<M> {
    on_async::<M>(|message, mut next| {
        Box::pin(async move {
            drop(next.run(message.clone()).await);
            next.run(message).await
        })
    })
}

pub(crate) fn does_everything_twice(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(twice::<Double>()).layer(twice::<Store>()).layer(twice::<Happened>()).layer(twice::<Work>())
}

fn answering<M: Message<Reply: Default>>() -> OnAsync<M> {
    on_async::<M>(|_, _| Box::pin(async { Ok(M::Reply::default()) }))
}

pub(crate) fn answers_by_default(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(answering::<Double>()).layer(answering::<Triple>()).layer(answering::<FindEven>())
}

/// Lets a changed message through.
fn changing<M: Message>(change: impl Fn(&mut M) + Send + Sync + 'static) -> OnAsync<M> {
    on_async::<M>(move |mut message, mut next| {
        change(&mut message);
        Box::pin(async move { next.run(message).await })
    })
}

fn swap(number: &mut u64) {
    *number = match *number {
        17 => 18,
        18 => 17,
        other => other,
    };
}

pub(crate) fn swaps_two(wired: Builder<Bus>) -> Builder<Bus> {
    wired
        .layer(changing::<Store>(|command| swap(&mut command.number)))
        .layer(changing::<Happened>(|event| swap(&mut event.number)))
        .layer(changing::<Work>(|task| swap(&mut task.number)))
}

pub(crate) fn swaps_two_of_a_key(wired: Builder<Bus>) -> Builder<Bus> {
    wired
        .layer(changing::<Steer>(|command| swap(&mut command.number)))
        .layer(changing::<Sighted>(|event| swap(&mut event.number)))
        .layer(changing::<Scrub>(|task| swap(&mut task.number)))
}

fn to_ascii(parcel: &mut Parcel) {
    parcel.text.retain(|character| character.is_ascii());
}

pub(crate) fn knows_only_ascii(wired: Builder<Bus>) -> Builder<Bus> {
    wired
        .layer(changing::<Echo>(|query| to_ascii(&mut query.0)))
        .layer(changing::<Bring>(|command| to_ascii(&mut command.0)))
        .layer(changing::<Brought>(|event| to_ascii(&mut event.0)))
        .layer(changing::<Carry>(|task| to_ascii(&mut task.0)))
}

pub(crate) fn cuts_what_is_large(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(changing::<Echo>(|query| query.0.text.truncate(4096)))
}

pub(crate) fn copies_replies(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(on_async::<Share>(|query, mut next| {
        Box::pin(async move { next.run(query).await.map(|reply| Arc::from(&*reply)) })
    }))
}

/// Keeps a handler that was given up.
pub(crate) fn leaks(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(on_async::<Hang>(|hang, mut next| {
        Box::pin(async move {
            let running: Pin<Box<dyn Future<Output = Dispatched<Hang>> + Send>> =
                Box::pin(async move { next.run(hang).await });
            let mut kept = ManuallyDrop::new(running);
            poll_fn(|context| kept.as_mut().poll(context)).await
        })
    }))
}

/// Refuses everything after a panic, as a poisoned lock does.
#[derive(Default)]
pub(crate) struct Poisoned(AtomicBool);

struct Holding<'a>(&'a AtomicBool);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, SeqCst);
        }
    }
}

impl AsyncAround for Poisoned {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        if self.0.load(SeqCst) {
            return dispatch.refuse("it panicked before");
        }
        let _holding = Holding(&self.0);
        next.run(dispatch).await
    }
}

pub(crate) fn is_poisoned(wired: Builder<Bus>) -> Builder<Bus> {
    wired.layer(Poisoned::default())
}

/// What it does not report.
pub(crate) fn unwinds(wired: Builder<Bus>) -> Builder<Bus> {
    wired
}
