//! What a dispatch costs. The cases are in [`CASES`]: `benches/dispatch.rs` measures their time with criterion,
//! `src/bin/instructions.rs` counts their instructions, which are the same on a busy machine. What layers add is in
//! [`LAYER_CASES`], and `src/bin/layers.rs` measures it. What a
//! second thread is worth is in [`SCALING`].

#![allow(missing_docs, reason = "the derives and handlers are not an interface")]

mod callgrind;
mod cases;
pub mod generated;
mod layers;
#[doc(hidden)]
pub mod messages;
#[cfg(feature = "metrics")]
mod recorder;
mod scaling;

pub use callgrind::{can_count, instructions_per_turn, instructions_per_turn_of};
pub use cases::{Bar, CASES, Case, pending_send_bytes};
pub use layers::{LAYER_CASES, LayerBar, LayerCase, Turns, clock_reads};
pub use scaling::{SCALING, Scaling, ScalingBar, ScalingCase};
