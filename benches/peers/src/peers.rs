//! Who is compared, in the order of the tables.

#[cfg(not(feature = "strict"))]
mod actix;
#[cfg(not(feature = "strict"))]
mod bevy;
#[cfg(not(feature = "strict"))]
mod boxed;
#[cfg(not(feature = "strict"))]
mod channels;
#[cfg(not(feature = "strict"))]
mod direct;
#[cfg(not(feature = "strict"))]
mod hexeract;
#[cfg(not(feature = "strict"))]
mod jaeb;
#[cfg(not(feature = "strict"))]
mod kameo;
mod linkbus;
#[cfg(not(feature = "strict"))]
mod medi;
#[cfg(not(feature = "strict"))]
mod mediator;
#[cfg(not(feature = "strict"))]
mod ractor;
#[cfg(not(feature = "strict"))]
mod rust_bus;
#[cfg(not(feature = "strict"))]
mod tower;
#[cfg(not(feature = "strict"))]
mod type_map;

use crate::peer::Peer;

/// With the feature, what is the same without it is left out.
#[cfg(feature = "strict")]
pub const PEERS: &[Peer] = &[linkbus::SYNC, linkbus::ASYNC];

/// All of them. The first is what the others are measured by.
#[cfg(not(feature = "strict"))]
pub const PEERS: &[Peer] = &[
    direct::PEER,
    linkbus::SYNC,
    linkbus::ASYNC,
    boxed::PEER,
    type_map::PEER,
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
