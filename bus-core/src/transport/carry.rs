//! The innermost layer of a message that leaves the bus.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Envelope, Key, Order, Parcel, Via, codec, key::KeyField};
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
        let features = self.0.transport.features();
        if let Some(what) = missing(message, features.queries) {
            return site.refuse(what);
        }
        let key = match key(message, features.order) {
            Ok(key) => key,
            Err(what) => return site.refuse(what),
        };
        site.value("transport", self.0.transport.name());
        site.value("format", self.0.codec.content_type());
        let way = Way { via: Arc::clone(&self.0), key };
        Some(if message.kind == Kind::Event {
            Link::async_around(Spread(way))
        } else {
            Link::async_around(Elsewhere(way))
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

/// Where the key of the message is, if the transport keeps its order.
fn key(message: &'static MessageFacts, order: Order) -> Result<Option<KeyField>, String> {
    if order == Order::PerKey { KeyField::of(message) } else { Ok(None) }
}

/// How messages of one type leave the bus.
struct Way {
    via: Arc<Via>,
    key: Option<KeyField>,
}

/// A message with one handler, which is in another process.
struct Elsewhere(Way);

impl AsyncAround for Elsewhere {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        match self.0.pack(dispatch, next.limit()) {
            Ok(parcel) => {
                let received = self.0.via.carry(parcel).await;
                dispatch.receive(received)
            }
            Err(failure) => dispatch.fail(failure),
        }
    }
}

/// An event that others may want. They get it before the subscribers here: if it cannot be sent, nobody here has had it
/// either, and it can be published again.
struct Spread(Way);

impl AsyncAround for Spread {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        if dispatch.particulars().is_foreign {
            return next.run(dispatch).await;
        }
        match self.0.pack(dispatch, next.limit()) {
            Ok(parcel) => {
                let received = self.0.via.carry(parcel).await;
                let done = dispatch.receive(received);
                if matches!(dispatch.outcome(), Outcome::Succeeded) { next.run(dispatch).await } else { done }
            }
            Err(failure) => dispatch.fail(failure),
        }
    }
}

impl Way {
    /// The message of this dispatch, ready for the transport.
    fn pack(&self, dispatch: &mut Dispatch<'_>, limit: Limit) -> Result<Parcel, LayerFailure> {
        let via = &self.via;
        let due = due(dispatch, via)?;
        let key = self.key(dispatch).map_err(LayerFailure::Refused)?;
        // What is for later is nested in nothing when it is handled.
        let depth = match due {
            Some(_) => 0,
            None => depth::leave(dispatch.message(), limit).map_err(LayerFailure::RecursionLimit)?,
        };
        let envelope = Envelope { depth, key, ..envelope(dispatch, via) }.due_at(due);
        let body = body(dispatch, via).map_err(LayerFailure::Refused)?;
        Ok(Parcel { envelope, body })
    }

    fn key(&self, dispatch: &Dispatch<'_>) -> Result<Option<Key>, AnyError> {
        let Some(key) = self.key else { return Ok(None) };
        key.read(message(dispatch)?)
    }
}

/// The message, to be written.
fn message<'a>(dispatch: &'a Dispatch<'_>) -> Result<&'a dyn erased_serde::Serialize, AnyError> {
    dispatch.payload.serialize().ok_or_else(|| "the message is gone: it was handed over before".into())
}

/// When the message is to be handled, if that is later than now.
fn due(dispatch: &Dispatch<'_>, via: &Via) -> Result<Option<SystemTime>, LayerFailure> {
    match dispatch.due() {
        Some(_) if !via.transport.features().schedules => Err(LayerFailure::Refused(keeps_nothing(via).into())),
        due => Ok(due.filter(|due| *due > SystemTime::now())),
    }
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

fn body(dispatch: &Dispatch<'_>, via: &Via) -> Result<Vec<u8>, AnyError> {
    let body = codec::write(&*via.codec, message(dispatch)?)?;
    let (size, limit) = (body.len(), via.transport.features().max_size);
    if size > limit {
        return Err(super::Undelivered::TooLarge { size, limit }.into());
    }
    Ok(body)
}
