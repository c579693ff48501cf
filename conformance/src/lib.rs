#![doc = include_str!("../README.md")]

mod case;
mod features;
mod handlers;
mod ledger;
pub mod messages;
mod promises;
#[cfg(feature = "transport")]
mod split;
mod subject;
mod suite;

// A macro finds others at the root.
use self::promises::__table;
#[cfg(feature = "transport")]
pub use self::split::{Serving, Split};
pub use self::{
    case::{LocalBoxFuture, New},
    features::{
        Completion, Delivery, Errors, Features, Handlers, Later, Notes, Order, Panics, Passing, Thread, Unhandled,
    },
    handlers::Host,
    promises::{PROMISES, Promise, markdown},
    subject::{Blocking, HasSyncBus, Subject},
    suite::broken_promises,
};

#[doc(hidden)]
pub mod __private {
    pub use linkbus::Builder;

    pub use crate::{
        case::{Case, Check, run},
        features::values,
        promises::{commands, events, journal, keys, later, life, queries, tasks},
    };
}
