//! The table of what a second thread is worth: one bus, one handler, one message type.

use std::{
    hint::{black_box, spin_loop},
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    Bus, SyncBus,
    layer::{Counts, Latency, LatencyStats},
};

use crate::{
    cases::{repeat, repeat_async, run, succeeded},
    layers::{Layers, bus, clock_reads, sync_bus},
    messages::{Layered, LayeredLater},
};

/// How often each case is measured with one thread and then with two, as other programs come and go.
const PARTS: usize = 6;

/// How often threads begin together in each part.
const ROUNDS: usize = 60;

/// The turns of each thread in a round: they begin within a thousandth of the time that these take.
const TURNS: u64 = 20_000;

/// How often threads see each other at work before the first round, which takes some 20 ms: so the system has given each a
/// processor of its own.
const SIGHTS: u64 = 200_000;

/// Threads that have not met by then begin without: there may be one processor only.
const LONGEST_MEETING: Duration = Duration::from_millis(200);

/// Work that threads do beside each other.
pub struct ScalingCase {
    /// What they do.
    pub name: &'static str,
    /// How many times as much two threads have to do in the time of one.
    pub bar: ScalingBar,
    /// How long each round of so many turns took, on each of so many threads.
    work: fn(u64, usize) -> Vec<Duration>,
}

/// How many times as much two threads do in the time of one.
#[derive(Clone, Copy)]
pub enum ScalingBar {
    /// At least so many times.
    AtLeast(f64),
    /// Less than so many times: threads write to one place there, and a measurement that does not see it is worth nothing.
    Below(f64),
    /// Whatever this machine gives.
    None,
}

/// What was measured of a case.
pub struct Scaling {
    /// In the best rounds, of two threads and of one: other programs only ever add to a round.
    pub best: f64,
    /// In the middle ones.
    pub median: f64,
}

use ScalingBar::{AtLeast, Below};

/// All of them. The first shares nothing: it says what a second thread is worth on this machine, which is less than two
/// while other programs run. The second shares a count: it says whether this measurement would see that.
pub const SCALING: &[ScalingCase] = &[
    ScalingCase { name: "bare clock reads, nothing shared", bar: ScalingBar::None, work: clock_reads_on_threads },
    ScalingCase { name: "SyncBus::send, and one count that both threads write", bar: Below(1.5), work: counted_sends },
    ScalingCase { name: "SyncBus::send", bar: AtLeast(1.9), work: |n, threads| sends(n, threads, |bus| bus) },
    ScalingCase {
        name: "SyncBus::send, latency layer",
        bar: AtLeast(1.6),
        work: |n, threads| sends(n, threads, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
    },
    ScalingCase {
        name: "SyncBus::send, counts layer",
        bar: AtLeast(1.6),
        work: |n, threads| sends(n, threads, |bus| bus.layer(Counts::new())),
    },
    #[cfg(feature = "metrics")]
    ScalingCase {
        name: "SyncBus::send, metrics layer, a recorder that keeps nothing",
        bar: AtLeast(1.6),
        work: |n, threads| {
            crate::recorder::install();
            sends(n, threads, |bus| bus.layer(linkbus::layer::Metrics::new()))
        },
    },
    ScalingCase { name: "Bus::send, plain fn", bar: AtLeast(1.9), work: sends_on_bus },
    ScalingCase { name: "Bus::send, async fn", bar: AtLeast(1.9), work: |n, threads| later(n, threads, |bus| bus) },
    ScalingCase {
        name: "Bus::send, async fn, latency layer",
        bar: AtLeast(1.6),
        work: |n, threads| later(n, threads, |bus| bus.layer(Latency::new(&LatencyStats::new()))),
    },
];

impl ScalingCase {
    /// Measures what a second thread is worth.
    pub fn measure(&self) -> Scaling {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for _ in 0..PARTS {
            one.extend((self.work)(TURNS, 1));
            two.extend((self.work)(TURNS, 2));
        }
        let [one, two] = [one, two].map(Rounds::new);
        let times = |one: Duration, two: Duration| 2.0 * one.as_secs_f64() / two.as_secs_f64();
        Scaling { best: times(one.least(), two.least()), median: times(one.median(), two.median()) }
    }
}

fn sends(n: u64, threads: usize, layers: Layers<SyncBus>) -> Vec<Duration> {
    let bus = sync_bus(layers);
    on_threads(threads, || repeat(n, |turn| succeeded(bus.send(Layered(turn)))))
}

fn counted_sends(n: u64, threads: usize) -> Vec<Duration> {
    let (bus, count) = (sync_bus(|bus| bus), AtomicU64::new(0));
    on_threads(threads, || {
        repeat(n, |turn| {
            count.fetch_add(1, Ordering::Relaxed);
            succeeded(bus.send(Layered(turn)))
        });
    })
}

fn sends_on_bus(n: u64, threads: usize) -> Vec<Duration> {
    let bus = bus(|bus| bus);
    on_threads(threads, || repeat_async!(n, |turn| succeeded(bus.send(Layered(turn)).await)))
}

fn later(n: u64, threads: usize, layers: Layers<Bus>) -> Vec<Duration> {
    let bus = bus(layers);
    on_threads(threads, || repeat_async!(n, |turn| succeeded(bus.send(LayeredLater(turn)).await)))
}

fn clock_reads_on_threads(n: u64, threads: usize) -> Vec<Duration> {
    on_threads(threads, || _ = clock_reads(n))
}

/// Lets so many threads do `work`, which they begin together in each round. How long each round took.
fn on_threads(threads: usize, work: impl Fn() + Sync) -> Vec<Duration> {
    let (arrived, clock) = (AtomicUsize::new(0), Instant::now());
    let rounds: Vec<Round> = (0..ROUNDS).map(|_| Round::new()).collect();
    let meeting = Meeting::new(threads);
    let take_part = || {
        meeting.attend();
        for (number, round) in rounds.iter().enumerate() {
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < threads * (number + 1) {
                spin_loop();
            }
            let began = clock.elapsed();
            work();
            round.was_worked_in(began, clock.elapsed());
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(take_part))));
    rounds.iter().map(Round::took).collect()
}

/// Where threads spin until they are seen to run at the same time.
struct Meeting {
    /// Every thread adds to it. Where one finds another number than it left, another has run meanwhile.
    steps: AtomicU64,
    is_over: AtomicBool,
}

impl Meeting {
    /// One thread has nobody to meet.
    fn new(threads: usize) -> Self {
        Meeting { steps: AtomicU64::new(0), is_over: AtomicBool::new(threads == 1) }
    }

    fn attend(&self) {
        let (began, mut sights, mut expected) = (Instant::now(), 0, 0);
        while !self.is_over.load(Ordering::Relaxed) {
            let step = self.steps.fetch_add(1, Ordering::Relaxed);
            sights += u64::from(step != expected);
            expected = step + 1;
            if sights == SIGHTS || began.elapsed() > LONGEST_MEETING {
                self.is_over.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// When the first of its threads began and when the last ended, in nanoseconds of one clock.
struct Round {
    began: AtomicU64,
    ended: AtomicU64,
}

impl Round {
    fn new() -> Self {
        Round { began: AtomicU64::new(u64::MAX), ended: AtomicU64::new(0) }
    }

    fn was_worked_in(&self, began: Duration, ended: Duration) {
        let nanoseconds = |time: Duration| time.as_nanos().try_into().unwrap_or(u64::MAX);
        self.began.fetch_min(nanoseconds(began), Ordering::Relaxed);
        self.ended.fetch_max(nanoseconds(ended), Ordering::Relaxed);
    }

    /// All its threads together: those that did not run at the same time took longer than those that did.
    fn took(&self) -> Duration {
        Duration::from_nanos(self.ended.load(Ordering::Relaxed) - self.began.load(Ordering::Relaxed))
    }
}

/// How long each took, the shortest first; there is at least one.
struct Rounds(Vec<Duration>);

impl Rounds {
    fn new(mut rounds: Vec<Duration>) -> Self {
        rounds.sort_unstable();
        Rounds(rounds)
    }

    fn least(&self) -> Duration {
        self.0[0]
    }

    fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(threads: [[u64; 2]; 2]) -> u128 {
        let round = Round::new();
        threads
            .map(|times| times.map(Duration::from_nanos))
            .iter()
            .for_each(|[began, ended]| round.was_worked_in(*began, *ended));
        round.took().as_nanos()
    }

    #[test]
    fn threads_that_ran_together_took_the_time_of_one() {
        assert_eq!(took([[100, 110], [100, 110]]), 10);
    }

    #[test]
    fn threads_that_ran_one_after_the_other_took_the_time_of_both() {
        assert_eq!(took([[110, 120], [100, 110]]), 20);
    }

    #[test]
    fn every_case_runs() {
        for case in SCALING {
            assert_eq!((case.work)(2, 2).len(), ROUNDS);
        }
    }
}
