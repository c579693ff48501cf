//! What tests of code that uses a bus need: the feature `testing`, for `[dev-dependencies]`.
//!
//! [`FakeBus`] stands in the place of a bus and answers by itself, [`Spy`] watches a real one, and both keep a [`Journal`] of
//! what was dispatched. [`Chaos`] makes things go wrong, and [`Coverage`] says which handlers no test has reached.

mod chaos;
mod coverage;
mod double;
mod exhaustive;
mod fake;
mod journal;
mod said;
mod spy;
mod stand_in;
mod stub;
mod track;

pub use self::{
    chaos::{Chaos, Happened, Injected, Ledger, Mishap},
    coverage::{Coverage, CoverageReport, HandlerCoverage},
    exhaustive::Unanswered,
    fake::{Fake, FakeBus, SyncFakeBus},
    journal::{Journal, Noted, Step, Times, step, step_where},
    spy::Spy,
    stub::On,
    track::{Branch, Scenario, Track, Tree},
};
pub(crate) use self::{
    double::Double,
    journal::Show,
    stand_in::{answer, show},
    stub::{Play, Stubs},
    track::{Edge, Leg},
};
