//! linkbus beside what else a Rust program could use: the same work, the same reply, one run.
//!
//! A [`Peer`] is one file; it answers for each [`Case`] with the work, or with why it cannot. To add one, write its file in
//! `rivals` and a line in `rivals.rs`.

// medi-rs unfolds its list of 700 commands one after the other.
#![cfg_attr(feature = "many", recursion_limit = "2048")]

mod case;
mod direct;
mod linkbus;
mod peer;
pub mod results;
/// What is the same with the feature and without is measured once.
#[cfg(feature = "strict")]
mod rivals {
    pub(crate) const ALL: &[crate::peer::Peer] = &[];
}
#[cfg(not(feature = "strict"))]
mod rivals;
mod span;
#[cfg(test)]
mod tests;
mod work;

pub use case::{CASES, Case};
pub use peer::{Answer, Peer, Turns};
pub use span::Span;

/// Who is compared, in the order of the tables.
pub fn peers() -> impl Iterator<Item = &'static Peer> {
    [baseline()].into_iter().chain(linkbus()).chain(rivals())
}

/// A function that is called: what the others of its program are measured by.
pub fn baseline() -> &'static Peer {
    &direct::PEER
}

/// This library, with each of its buses.
pub fn linkbus() -> [&'static Peer; 3] {
    [&linkbus::SYNC, &linkbus::PLAIN, &linkbus::ASYNC]
}

/// What else could be used.
pub fn rivals() -> &'static [Peer] {
    rivals::ALL
}
