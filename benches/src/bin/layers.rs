//! Measures every case of layers and prints a Markdown table: time, instructions and blocks of memory, each beside a plain
//! dispatch in the same run.
//!
//! Times are the least of several rounds, in which the plain and the layered turns take turns. The program runs itself
//! under callgrind: `layers CASE plain|layered TURNS` is one such run.

#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env, fmt,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use linkbus_benches::{
    LAYER_CASES, LayerBar, LayerCase, can_count, clock_reads, clock_reads_on_threads, instructions_per_turn,
    latency_on_threads,
};

/// The turns of one measurement of time.
const TURNS: u64 = 20_000;
const ROUNDS: usize = 100;
/// The turns of threads that are measured together.
const TOGETHER: u64 = 1_000;
/// The turns that are counted, in instructions and in blocks of memory.
const COUNTED: u64 = 2_000;

/// The system's allocator, and how often it was asked.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to `System` as it came, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["threads"] => threads(),
        [case, side, turns] => turn(case, side, turns),
        _ => {
            eprintln!("usage: layers [threads]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// One run under callgrind.
fn turn(case: &str, side: &str, turns: &str) {
    let case = &LAYER_CASES[case.parse::<usize>().expect("the number of a case")];
    let work = if side == "layered" { case.layered } else { case.plain };
    work(turns.parse().expect("a number of turns"));
}

fn table() {
    let [clock] = nanoseconds([clock_reads]);
    println!("two readings of the clock: {clock:.1} ns\n");
    println!("| layers | plain | layered | more | bar | | instructions | blocks | bar | |");
    println!("|---|--:|--:|--:|--:|---|--:|--:|--:|---|");
    for (number, case) in LAYER_CASES.iter().enumerate() {
        println!("{}", Row::measure(number, case, clock));
    }
    threads();
}

/// Two threads beside one; and what two threads are worth here when they share nothing, which is less than two while
/// other programs run.
fn threads() {
    const BAR: f64 = 1.6;
    let ratio =
        |work: fn(u64, usize) -> Duration| 2.0 * work(TOGETHER, 1).as_secs_f64() / work(TOGETHER, 2).as_secs_f64();
    let (latency, clock) = (ratio(latency_on_threads), ratio(clock_reads_on_threads));
    let met = met(latency >= BAR.min(clock * BAR / 2.0));
    println!("\n| 2 threads beside 1 | bare clock reads | latency layer, one message | bar | |\n|---|--:|--:|--:|---|");
    println!("| throughput | {clock:.2}x | {latency:.2}x | {BAR}x, of clock reads that scale 2x | {met} |");
}

struct Row<'a> {
    case: &'a LayerCase,
    plain: f64,
    layered: f64,
    clock: f64,
    instructions: Option<f64>,
    blocks: f64,
}

impl<'a> Row<'a> {
    fn measure(number: usize, case: &'a LayerCase, clock: f64) -> Self {
        let [plain, layered] = nanoseconds([case.plain, case.layered]);
        let counted = |side: &str| instructions_per_turn(&[&number.to_string(), side], COUNTED);
        let instructions = can_count().then(|| counted("layered") - counted("plain"));
        let blocks = blocks(case.layered) - blocks(case.plain);
        Row { case, plain, layered, clock, instructions, blocks }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { case, plain, layered, clock, instructions, blocks } = self;
        let more = layered - plain;
        write!(f, "| {} | {plain:.1} ns | {layered:.1} ns | +{more:.1} ns | ", case.name)?;
        match case.bar {
            LayerBar::Nanoseconds(bar) => write!(f, "+{bar} ns | {} | ", met(more <= bar))?,
            LayerBar::ClockReadsAnd(bar) => write!(f, "+2 clock reads and {bar} ns | {} | ", met(more <= clock + bar))?,
            LayerBar::None => write!(f, "| | ")?,
        }
        match instructions {
            Some(instructions) => write!(f, "+{instructions:.0}")?,
            None => write!(f, "not counted")?,
        }
        let bar = case.allocations;
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let is_met = *blocks <= bar as f64 + 0.05;
        write!(f, " | +{blocks:.1} | +{bar} | {} |", met(is_met))
    }
}

/// What a turn of each takes, one after the other in every round. What none takes, building the bus, does not count.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn nanoseconds<const N: usize>(works: [fn(u64); N]) -> [f64; N] {
    let mut least = works.map(|_| (Duration::MAX, Duration::MAX));
    for _ in 0..ROUNDS {
        for (work, (none, all)) in works.iter().zip(&mut least) {
            *none = (*none).min(time(*work, 0));
            *all = (*all).min(time(*work, TURNS));
        }
    }
    least.map(|(none, all)| all.saturating_sub(none).as_nanos() as f64 / TURNS as f64)
}

fn time(work: fn(u64), turns: u64) -> Duration {
    let start = Instant::now();
    work(turns);
    start.elapsed()
}

/// For each turn. Growing its samples is not what a dispatch costs, so a little is nothing.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn blocks(work: fn(u64)) -> f64 {
    let allocated = |turns: u64| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        work(turns);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    (allocated(2 * COUNTED) - allocated(COUNTED)) as f64 / COUNTED as f64
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT MET" }
}
