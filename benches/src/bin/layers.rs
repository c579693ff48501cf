//! Measures every case of layers and prints a Markdown table: time, instructions and blocks of memory, each beside a plain
//! dispatch in the same run.
//!
//! Times are those of many short rounds, in which the plain and the layered turns take turns: "best" is the least with layers
//! less the least without, "median" that of what the rounds differ by. The best is held to the bar, since other programs
//! only ever add to it. The program runs itself under callgrind: `layers CASE plain|layered TURNS` is one such run.

#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env, fmt,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use linkbus_benches::{
    LAYER_CASES, LayerBar, LayerCase, SCALING, Scaling, ScalingBar, Turns, can_count, clock_reads,
    instructions_per_turn,
};

/// The turns of one measurement of time.
const TURNS: u64 = 4_000;
const ROUNDS: usize = 400;
/// The turns that are counted, in instructions and in blocks of memory.
const COUNTED: u64 = 2_000;
/// What the latency layer may take besides: a tenth of the reference's.
const TENTH_OF_THE_REFERENCE: f64 = 63.5;

/// The system's allocator, and how often it was asked while that is of interest.
struct Counting;

/// Otherwise nothing is written: threads whose time is measured would take turns at the count.
static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to `System` as it came, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTING.load(Ordering::Relaxed) {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
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
    let [clock] = rounds([clock_reads]).map(|times| least(&times));
    println!("two readings of the clock: {clock:.1} ns\n");
    println!("| layers | plain | instructions more | best | median | bar | | blocks more | bar | |");
    println!("|---|--:|--:|--:|--:|--:|---|--:|--:|---|");
    for (number, case) in LAYER_CASES.iter().enumerate() {
        println!("{}", Row::measure(number, case, clock));
    }
    threads();
}

/// Two threads beside one. A case meets its bar if it scales as much of that as what shares nothing does of 2.
fn threads() {
    println!("\n| two threads beside one | best rounds | median | bar | |\n|---|--:|--:|--:|---|");
    let mut most = None;
    for case in SCALING {
        let Scaling { best, median } = case.measure();
        let most = *most.get_or_insert(best);
        let bar = match case.bar {
            ScalingBar::AtLeast(bar) => format!("{bar}x | {}", met(best >= bar.min(most * bar / 2.0))),
            ScalingBar::Below(bar) => format!("below {bar}x | {}", met(best < bar)),
            ScalingBar::None => "|".to_owned(),
        };
        println!("| {} | {best:.2}x | {median:.2}x | {bar} |", case.name);
    }
}

struct Row<'a> {
    case: &'a LayerCase,
    clock: f64,
    plain: f64,
    instructions: Option<f64>,
    best: f64,
    median: f64,
    blocks: f64,
}

impl<'a> Row<'a> {
    fn measure(number: usize, case: &'a LayerCase, clock: f64) -> Self {
        let [plain, layered] = rounds([case.plain, case.layered]);
        let median = median(plain.iter().zip(&layered).map(|(plain, layered)| layered - plain).collect());
        let (plain, layered) = (least(&plain), least(&layered));
        let counted = |side: &str| instructions_per_turn(&[&number.to_string(), side], COUNTED);
        let instructions = can_count().then(|| counted("layered") - counted("plain"));
        let blocks = blocks(case.layered) - blocks(case.plain);
        Row { case, clock, plain, instructions, best: layered - plain, median, blocks }
    }

    fn write_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { clock, best, median, .. } = self;
        write!(f, "{best:+.1} ns | {median:+.1} ns | ")?;
        match self.case.bar {
            LayerBar::Nanoseconds(bar) => write!(f, "+{bar} ns | {}", met(*best <= bar)),
            LayerBar::ClockReadsAnd(bar) => {
                let is_met = *best <= clock + bar && *best < TENTH_OF_THE_REFERENCE;
                write!(f, "+{:.1} ns, and below {TENTH_OF_THE_REFERENCE} ns | {}", clock + bar, met(is_met))
            }
            LayerBar::None => write!(f, "|"),
        }
    }

    fn write_blocks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.1} | ", self.blocks)?;
        match self.case.allocations {
            #[expect(clippy::cast_precision_loss, reason = "a handful")]
            Some(bar) => write!(f, "+{bar} | {}", met(self.blocks <= bar as f64 + 0.05)),
            None => write!(f, "|"),
        }
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {:.1} ns | ", self.case.name, self.plain)?;
        match self.instructions {
            Some(instructions) => write!(f, "{instructions:+.0} | ")?,
            None => write!(f, "not counted | ")?,
        }
        self.write_time(f)?;
        write!(f, " | ")?;
        self.write_blocks(f)?;
        write!(f, " |")
    }
}

/// The nanoseconds of a turn of each in every round, one after the other.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn rounds<const N: usize>(works: [Turns; N]) -> [Vec<f64>; N] {
    let mut times = works.map(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (work, times) in works.iter().zip(&mut times) {
            times.push(work(TURNS).as_nanos() as f64 / TURNS as f64);
        }
    }
    times
}

fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// For each turn. Growing its samples is not what a dispatch costs, so a little is nothing.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn blocks(work: Turns) -> f64 {
    let allocated = |turns: u64| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        IS_COUNTING.store(true, Ordering::Relaxed);
        work(turns);
        IS_COUNTING.store(false, Ordering::Relaxed);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    (allocated(2 * COUNTED) - allocated(COUNTED)) as f64 / COUNTED as f64
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT MET" }
}
