//! The table of what a second thread is worth: one bus, one handler, one message type.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use linkbus::layer::{Counts, Latency, LatencyStats};

use crate::{
    cases::{repeat, succeeded},
    layers::{Layers, clock_reads, sync_bus},
    messages::Layered,
};

/// How often threads begin together.
const ROUNDS: usize = 1000;

/// Work that threads do beside each other.
pub struct ScalingCase {
    /// What they do.
    pub name: &'static str,
    /// How long so many turns take on each of so many threads.
    pub work: fn(u64, usize) -> Duration,
    /// How many times as much two threads have to do in the time of one.
    pub bar: f64,
}

/// All of them. The first shares nothing: it says what a second thread is worth on this machine, which is less than two
/// while other programs run.
pub const SCALING: &[ScalingCase] = &[
    ScalingCase { name: "bare clock reads, nothing shared", work: clock_reads_on_threads, bar: 0.0 },
    ScalingCase { name: "SyncBus::send", work: |n, threads| sends(n, threads, |bus| bus), bar: 1.9 },
    ScalingCase {
        name: "SyncBus::send, latency layer",
        work: |n, threads| sends(n, threads, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
        bar: 1.6,
    },
    ScalingCase {
        name: "SyncBus::send, counts layer",
        work: |n, threads| sends(n, threads, |bus| bus.layer(Counts::new())),
        bar: 1.6,
    },
    #[cfg(feature = "metrics")]
    ScalingCase {
        name: "SyncBus::send, metrics layer, a recorder that keeps nothing",
        work: |n, threads| {
            crate::recorder::install();
            sends(n, threads, |bus| bus.layer(linkbus::layer::Metrics::new()))
        },
        bar: 1.6,
    },
];

fn sends(n: u64, threads: usize, layers: Layers<linkbus::SyncBus>) -> Duration {
    let bus = sync_bus(layers);
    on_threads(threads, || repeat(n, |turn| succeeded(bus.send(Layered(turn)))))
}

fn clock_reads_on_threads(n: u64, threads: usize) -> Duration {
    on_threads(threads, || _ = clock_reads(n))
}

/// The least time that `work` takes on so many threads that begin it together, over many rounds: they are short, so that
/// in some of them no other program takes a processor away.
fn on_threads(threads: usize, work: impl Fn() + Sync) -> Duration {
    let arrived = AtomicUsize::new(0);
    let rounds: Vec<AtomicU64> = (0..ROUNDS).map(|_| AtomicU64::new(0)).collect();
    let take_part = || {
        for (number, round) in rounds.iter().enumerate() {
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < threads * (number + 1) {
                spin_loop();
            }
            let start = Instant::now();
            work();
            round.fetch_max(start.elapsed().as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(take_part))));
    let least = rounds.iter().map(|round| round.load(Ordering::Relaxed)).min();
    Duration::from_nanos(least.unwrap_or(0))
}
