//! The table of what layers cost: a dispatch through them and the same one without.
//!
//! To add a case, write a line in [`LAYER_CASES`]: which bus, which layers, and what they may cost.

mod work;

pub use work::{clock_reads, clock_reads_on_threads, latency_on_threads};

use linkbus::layer::{Latency, LatencyStats};
use work::{Passthrough, Watch, async_turns, later_turns, sync_turns};

/// The same work `n` times, with layers and without.
pub struct LayerCase {
    /// Which layers, on which bus.
    pub name: &'static str,
    /// The work without them.
    pub plain: fn(u64),
    /// The work through them.
    pub layered: fn(u64),
    /// How much more it may take.
    pub bar: LayerBar,
    /// How many more blocks of memory a dispatch may take.
    pub allocations: u64,
}

/// How much more time a dispatch may take than one without layers.
#[derive(Clone, Copy)]
pub enum LayerBar {
    /// At most so many nanoseconds.
    Nanoseconds(f64),
    /// At most so many more than two readings of the clock.
    ClockReadsAnd(f64),
    /// It is there to be compared.
    None,
}

use LayerBar::{ClockReadsAnd, Nanoseconds};

impl LayerCase {
    const fn new(name: &'static str, plain: fn(u64), layered: fn(u64), bar: LayerBar, allocations: u64) -> Self {
        LayerCase { name, plain, layered, bar, allocations }
    }

    /// On a `SyncBus`, where a layer takes no memory.
    const fn sync(name: &'static str, layered: fn(u64), bar: LayerBar) -> Self {
        LayerCase::new(name, |n| sync_turns(n, |bus| bus), layered, bar, 0)
    }

    /// On a `Bus`, to a `fn`.
    const fn on_bus(name: &'static str, layered: fn(u64), bar: LayerBar, allocations: u64) -> Self {
        LayerCase::new(name, |n| async_turns(n, |bus| bus), layered, bar, allocations)
    }

    /// On a `Bus`, to an `async fn`.
    const fn later(name: &'static str, layered: fn(u64), bar: LayerBar, allocations: u64) -> Self {
        LayerCase::new(name, |n| later_turns(n, |bus| bus), layered, bar, allocations)
    }
}

/// All of them.
pub const LAYER_CASES: &[LayerCase] = &[
    LayerCase::sync("SyncBus, 1 observer", |n| sync_turns(n, |bus| bus.layer(Watch)), Nanoseconds(2.0)),
    LayerCase::sync("SyncBus, 1 around", |n| sync_turns(n, |bus| bus.layer(Passthrough)), Nanoseconds(4.0)),
    LayerCase::sync(
        "SyncBus, 10 observers",
        |n| sync_turns(n, |bus| (0..10).fold(bus, |bus, _| bus.layer(Watch))),
        Nanoseconds(25.0),
    ),
    LayerCase::sync(
        "SyncBus, 10 arounds",
        |n| sync_turns(n, |bus| (0..10).fold(bus, |bus, _| bus.layer(Passthrough))),
        Nanoseconds(25.0),
    ),
    LayerCase::sync(
        "SyncBus, latency",
        |n| sync_turns(n, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
        ClockReadsAnd(15.0),
    ),
    LayerCase::on_bus("Bus, 1 observer", |n| async_turns(n, |bus| bus.layer(Watch)), LayerBar::None, 1),
    LayerCase::on_bus(
        "Bus, 10 observers",
        |n| async_turns(n, |bus| (0..10).fold(bus, |bus, _| bus.layer(Watch))),
        LayerBar::None,
        1,
    ),
    LayerCase::on_bus("Bus, 1 around", |n| async_turns(n, |bus| bus.layer(Passthrough)), LayerBar::None, 2),
    LayerCase::on_bus(
        "Bus, 10 arounds",
        |n| async_turns(n, |bus| (0..10).fold(bus, |bus, _| bus.layer(Passthrough))),
        LayerBar::None,
        11,
    ),
    LayerCase::later("Bus, 1 observer, async fn", |n| later_turns(n, |bus| bus.layer(Watch)), LayerBar::None, 1),
    LayerCase::later("Bus, 1 around, async fn", |n| later_turns(n, |bus| bus.layer(Passthrough)), LayerBar::None, 2),
    LayerCase::later(
        "Bus, latency, async fn",
        |n| later_turns(n, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
        LayerBar::None,
        1,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_runs() {
        for case in LAYER_CASES {
            (case.plain)(2);
            (case.layered)(2);
        }
    }
}
