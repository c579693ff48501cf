#![doc = include_str!("../README.md")]

mod error;
mod inbox;

pub use rusqlite;

pub use self::{
    error::{CompleteError, OpenError},
    inbox::{SqliteInbox, SqliteInboxOptions, SqliteInboxStats},
};
