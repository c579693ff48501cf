//! What else a program could use, in the order of the tables.

mod actix;
mod bevy;
mod boxed;
mod channels;
mod hexeract;
mod jaeb;
mod kameo;
mod medi;
mod mediator;
mod ractor;
mod rust_bus;
mod tasks;
mod tower;
mod type_map;

use crate::peer::Peer;

/// All of them.
pub(crate) const ALL: &[Peer] = &[
    boxed::PEER,
    type_map::HASHED,
    type_map::UNHASHED,
    medi::PEER,
    mediator::SYNC,
    mediator::ASYNC,
    hexeract::PEER,
    jaeb::PEER,
    rust_bus::PEER,
    tower::SERVICE,
    tower::BOXED,
    tower::BUFFER,
    channels::MPSC,
    channels::BROADCAST,
    kameo::PEER,
    ractor::PEER,
    actix::PEER,
    bevy::PEER,
];
