//! Where in the program a dispatch was asked for: noted with the feature `testing`, and nothing at all without it.

#[cfg(feature = "testing")]
use crate::message::Location;

/// The place of a call of `send`, `execute`, `publish` or `dispatch`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    #[cfg(feature = "testing")]
    pub(crate) location: Location,
}

impl Origin {
    #[inline]
    #[cfg_attr(feature = "testing", track_caller)]
    pub(crate) fn of_caller() -> Self {
        Origin {
            #[cfg(feature = "testing")]
            location: Location::of_caller(),
        }
    }
}
