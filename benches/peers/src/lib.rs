//! linkbus beside what else a Rust program could use: the same work, the same reply, one run.
//!
//! A [`Peer`] is one file in `peers`; it answers for each [`Case`] with the work, or with why it cannot. To add one, write its
//! file and a line in [`PEERS`].

// medi-rs unfolds its list of 700 commands one after the other.
#![cfg_attr(feature = "many", recursion_limit = "2048")]

mod case;
mod peer;
mod peers;
pub mod results;
mod work;

pub use case::{CASES, Case};
pub use peer::{Answer, Peer};
pub use peers::PEERS;
