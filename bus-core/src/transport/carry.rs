//! The innermost layer of a message that leaves the bus.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Envelope, Parcel, Via, codec};
use crate::{
    bus::Bus,
    depth::{self, Limit},
    error::AnyError,
    layer::{AsyncAround, AsyncNext, Dispatch, Done, Layer, LayerFailure, Link, Outcome, Site},
    message::{Kind, MessageFacts},
};

/// Sends through a transport what nobody handles on the bus, and what is published.
pub(crate) struct Carry(Arc<Via>);

impl Carry {
    pub(crate) fn new(via: Arc<Via>) -> Self {
        Carry(via)
    }
}

impl Layer<Bus> for Carry {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<Bus>> {
        let message = site.message();
        let is_elsewhere = site.handlers().iter().any(|handler| handler.is_remote) && site.marks::<IsCarried>() == 0;
        if !(is_elsewhere || message.kind == Kind::Event) || !self.0.takes(message) {
            return site.pass_over();
        }
        site.mark::<IsCarried>();
        if let Some(what) = missing(message, self.0.transport.features().queries) {
            return site.refuse(what);
        }
        site.value("transport", self.0.transport.name());
        site.value("format", self.0.codec.content_type());
        Some(if message.kind == Kind::Event {
            Link::async_around(Spread(Arc::clone(&self.0)))
        } else {
            Link::async_around(Elsewhere(Arc::clone(&self.0)))
        })
    }

    fn name(&self) -> &'static str {
        "Via"
    }
}

/// The mark of a transport that takes the message: another one inside it does not.
struct IsCarried;

/// Why the message cannot be carried, and what to do; `None` if it can.
fn missing(message: &MessageFacts, carries_queries: bool) -> Option<String> {
    let name = message.short_name();
    let leave = format!("keep it here with `Via::except([\"{}\"])`", message.name);
    let reply = message.reply_name();
    if message.kind == Kind::Query && !carries_queries {
        return Some(format!("the transport carries no queries: handle `{name}` here, or {leave}"));
    }
    if !message.abilities.serialize {
        return Some(format!("it has to be written: derive `serde::Serialize` for `{name}`, or {leave}"));
    }
    let can_be_answered = message.kind != Kind::Query || message.abilities.deserialize_reply;
    (!can_be_answered)
        .then(|| format!("its reply has to be read: derive `serde::Deserialize` for `{reply}`, or {leave}"))
}

/// A message with one handler, which is in another process.
struct Elsewhere(Arc<Via>);

impl AsyncAround for Elsewhere {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        match pack(dispatch, &self.0, next.limit()) {
            Ok(parcel) => {
                let received = self.0.carry(parcel).await;
                dispatch.receive(received)
            }
            Err(failure) => dispatch.fail(failure),
        }
    }
}

/// An event that others may want. They get it before the subscribers here: if it cannot be sent, nobody here has had it
/// either, and it can be published again.
struct Spread(Arc<Via>);

impl AsyncAround for Spread {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        if dispatch.particulars().is_foreign {
            return next.run(dispatch).await;
        }
        match pack(dispatch, &self.0, next.limit()) {
            Ok(parcel) => {
                let received = self.0.carry(parcel).await;
                let done = dispatch.receive(received);
                if matches!(dispatch.outcome(), Outcome::Succeeded) { next.run(dispatch).await } else { done }
            }
            Err(failure) => dispatch.fail(failure),
        }
    }
}

/// The message of this dispatch, ready for a transport.
fn pack(dispatch: &mut Dispatch<'_>, via: &Via, limit: Limit) -> Result<Parcel, LayerFailure> {
    let due = dispatch.due();
    if due.is_some() && !via.transport.features().schedules {
        return Err(LayerFailure::Refused(keeps_nothing(via).into()));
    }
    let envelope = match due.filter(|due| *due > SystemTime::now()) {
        // Whoever sent it does not wait for it, and it is not nested in anything when it is handled.
        Some(due) => Envelope { deadline: None, ..envelope(dispatch, via) }.due_at(due),
        None => {
            let depth = depth::leave(dispatch.message(), limit).map_err(LayerFailure::RecursionLimit)?;
            Envelope { depth, ..envelope(dispatch, via) }
        }
    };
    let body = body(dispatch, via).map_err(LayerFailure::Refused)?;
    Ok(Parcel { envelope, body })
}

fn keeps_nothing(via: &Via) -> String {
    let name = via.transport.name();
    format!(
        "the transport `{name}` keeps no message until it is due: send it through one that does, or wait and dispatch it then"
    )
}

fn envelope(dispatch: &mut Dispatch<'_>, via: &Via) -> Envelope {
    let context = dispatch.context();
    let deadline = context.deadline().map(|deadline| {
        let left: Duration = deadline.saturating_duration_since(dispatch.now());
        SystemTime::now() + left
    });
    Envelope::new(&context, via.source, deadline, &*via.codec)
}

fn body(dispatch: &mut Dispatch<'_>, via: &Via) -> Result<Vec<u8>, AnyError> {
    let message = dispatch.payload.serialize().ok_or("the message is gone: it was handed over before")?;
    let body = codec::write(&*via.codec, message)?;
    let (size, limit) = (body.len(), via.transport.features().max_size);
    if size > limit {
        return Err(super::Undelivered::TooLarge { size, limit }.into());
    }
    Ok(body)
}
