//! The two ways in which linking collects, behind one macro, `__register!`, and one function, [`linked`].
//!
//! `linkme` is the default: a link section, which costs nothing at start. It cannot work under Miri, on wasm, and for
//! what the program's own crate registers on windows-gnu; there, and with the feature `inventory`, constructors collect.

#[cfg(any(feature = "inventory", miri, target_family = "wasm", all(windows, target_env = "gnu")))]
mod constructors;
#[cfg(not(any(feature = "inventory", miri, target_family = "wasm", all(windows, target_env = "gnu"))))]
mod section;

#[cfg(any(feature = "inventory", miri, target_family = "wasm", all(windows, target_env = "gnu")))]
pub use constructors::*;
#[cfg(not(any(feature = "inventory", miri, target_family = "wasm", all(windows, target_env = "gnu"))))]
pub use section::*;
