//! What a dispatch costs. The cases are in [`CASES`]: `benches/dispatch.rs` measures their time with criterion,
//! `src/bin/instructions.rs` counts their instructions, which are the same on a busy machine.

#![allow(missing_docs, reason = "the derives and handlers are not an interface")]

mod cases;
#[doc(hidden)]
pub mod messages;

pub use cases::{Bar, CASES, Case, pending_send_bytes};
