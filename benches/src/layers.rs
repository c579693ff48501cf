//! The table of what layers cost: a dispatch through them and the same one without.
//!
//! To add a case, write a line in [`LAYER_CASES`]: which bus, which layers, and what they may cost.

mod work;

pub use work::clock_reads;
pub(crate) use work::{Layers, Passthrough, Watch, bus, later_turns, sync_bus, sync_turns};

use std::time::Duration;

use linkbus::layer::{Concurrency, Counts, Latency, LatencyStats, Retry, Timeout, Trace};
use work::{
    async_turns, inbox, order_later_turns, order_turns, recommended, recommended_on_bus, recorded_into_files,
    recorded_turns, recording, recording_in_memory, redacted_recording,
};

/// So many dispatches, and how long they took.
pub type Turns = fn(u64) -> Duration;

/// The same work `n` times, with layers and without.
pub struct LayerCase {
    /// Which layers, on which bus.
    pub name: &'static str,
    /// The work without them; how long it took, without building the bus.
    pub plain: Turns,
    /// The work through them.
    pub layered: Turns,
    /// How much more it may take.
    pub bar: LayerBar,
    /// How many more blocks of memory a dispatch may take, if there is a bar.
    pub allocations: Option<u64>,
}

/// How much more time a dispatch may take than one without layers.
#[derive(Clone, Copy)]
pub enum LayerBar {
    /// At most so many nanoseconds.
    Nanoseconds(f64),
    /// At most so many more than two readings of the clock; and less than a tenth of the 635 ns that the reference takes.
    ClockReadsAnd(f64),
    /// It is there to be compared.
    None,
}

use LayerBar::{ClockReadsAnd, Nanoseconds};

impl LayerCase {
    const fn new(name: &'static str, plain: Turns, layered: Turns, bar: LayerBar, allocations: u64) -> Self {
        LayerCase { name, plain, layered, bar, allocations: Some(allocations) }
    }

    /// On a `SyncBus`, where a layer takes no memory.
    const fn sync(name: &'static str, layered: Turns, bar: LayerBar) -> Self {
        LayerCase::new(name, |n| sync_turns(n, |bus| bus), layered, bar, 0)
    }

    /// A command of five fields, on a `SyncBus`.
    const fn recorded(name: &'static str, layered: Turns) -> Self {
        LayerCase::new(name, |n| recorded_turns(n, |bus| bus), layered, Nanoseconds(250.0), 2)
    }

    /// On a `Bus`, to a `fn`.
    const fn on_bus(name: &'static str, layered: Turns, bar: LayerBar, allocations: u64) -> Self {
        LayerCase::new(name, |n| async_turns(n, |bus| bus), layered, bar, allocations)
    }

    /// On a `Bus`, to an `async fn`.
    const fn later(name: &'static str, layered: Turns, bar: LayerBar, allocations: u64) -> Self {
        LayerCase::new(name, |n| later_turns(n, |bus| bus), layered, bar, allocations)
    }

    /// It takes the memory that it takes.
    const fn of_any_memory(self) -> Self {
        LayerCase { allocations: None, ..self }
    }
}

/// All of them. On a `Bus` the first layer takes a block for the whole chain, and every around one more.
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
    LayerCase::sync(
        "SyncBus, latency",
        |n| sync_turns(n, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
        ClockReadsAnd(15.0),
    ),
    LayerCase::later(
        "Bus, latency, async fn",
        |n| later_turns(n, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
        LayerBar::None,
        1,
    ),
    LayerCase::sync("SyncBus, retry", |n| sync_turns(n, |bus| bus.layer(Retry::new())), LayerBar::None),
    LayerCase::later("Bus, retry, async fn", |n| later_turns(n, |bus| bus.layer(Retry::new())), Nanoseconds(60.0), 2),
    LayerCase::later(
        "Bus, time-out, async fn",
        |n| later_turns(n, |bus| bus.layer(Timeout::new())),
        Nanoseconds(150.0),
        2,
    ),
    LayerCase::sync("SyncBus, time-out", |n| sync_turns(n, |bus| bus.layer(Timeout::new())), LayerBar::None)
        .of_any_memory(),
    LayerCase::sync("SyncBus, trace", |n| sync_turns(n, |bus| bus.layer(Trace::new())), Nanoseconds(5.0)),
    LayerCase::on_bus("Bus, trace", |n| async_turns(n, |bus| bus.layer(Trace::new())), Nanoseconds(5.0), 1),
    LayerCase::later("Bus, trace, async fn", |n| later_turns(n, |bus| bus.layer(Trace::new())), Nanoseconds(5.0), 1),
    LayerCase::sync(
        "SyncBus, concurrency",
        |n| sync_turns(n, |bus| bus.layer(Concurrency::of_bus(100).per_message(20))),
        LayerBar::None,
    ),
    LayerCase::later(
        "Bus, concurrency, async fn",
        |n| later_turns(n, |bus| bus.layer(Concurrency::of_bus(100).per_message(20))),
        LayerBar::None,
        2,
    ),
    LayerCase::new("SyncBus, inbox", |n| order_turns(n, |bus| bus), |n| order_turns(n, inbox), LayerBar::None, 0)
        .of_any_memory(),
    LayerCase::new(
        "Bus, inbox, async fn",
        |n| order_later_turns(n, |bus| bus),
        |n| order_later_turns(n, inbox),
        LayerBar::None,
        0,
    )
    .of_any_memory(),
    LayerCase::sync("SyncBus, counts", |n| sync_turns(n, |bus| bus.layer(Counts::new())), LayerBar::None),
    LayerCase::later("Bus, counts, async fn", |n| later_turns(n, |bus| bus.layer(Counts::new())), LayerBar::None, 1),
    LayerCase::recorded("SyncBus, recording", |n| recorded_turns(n, recording)),
    LayerCase::recorded("SyncBus, recording into files", recorded_into_files),
    LayerCase::recorded("SyncBus, recording in memory", |n| recorded_turns(n, recording_in_memory)),
    LayerCase::recorded("SyncBus, recording with a field redacted", |n| recorded_turns(n, redacted_recording)),
    #[cfg(feature = "metrics")]
    LayerCase::sync(
        "SyncBus, metrics without a recorder",
        |n| sync_turns(n, |bus| bus.layer(linkbus::layer::Metrics::new())),
        LayerBar::None,
    ),
    #[cfg(feature = "metrics")]
    LayerCase::later(
        "Bus, metrics without a recorder, async fn",
        |n| later_turns(n, |bus| bus.layer(linkbus::layer::Metrics::new())),
        LayerBar::None,
        1,
    ),
    #[cfg(feature = "tower")]
    LayerCase::later(
        "Bus, tower passthrough, async fn",
        |n| later_turns(n, |bus| bus.layer(linkbus::layer::tower::Tower::of_bus(tower_layer::Identity::new()))),
        LayerBar::None,
        2,
    )
    .of_any_memory(),
    LayerCase::new(
        "SyncBus, the recommended stack without time-out",
        |n| order_turns(n, |bus| bus),
        |n| order_turns(n, recommended),
        LayerBar::None,
        0,
    ),
    LayerCase::new(
        "Bus, the recommended stack, async fn",
        |n| order_later_turns(n, |bus| bus),
        |n| order_later_turns(n, recommended_on_bus),
        LayerBar::None,
        4,
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
