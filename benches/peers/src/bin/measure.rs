//! Counts what criterion does not, and collects everything into one file: `measure FILE CRITERION`, where the second is the
//! folder that criterion wrote. The program runs itself under callgrind: `measure turns PEER CASE TURNS` is one such run.
#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::{BTreeMap, HashMap},
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use linkbus_peers::{
    Answer, CASES, Case, Peer, peers,
    results::{Figure, PeerResults, Results, Run},
};
use serde_json::Value;

/// The system's allocator, and how often it was asked.
struct Counting;

static BLOCKS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to `System` as it came, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BLOCKS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["turns", peer, case, turns] => {
            let peer = peers().nth(number(peer)).expect("a number of the tables");
            if let Answer::Turns(work) = (peer.answer)(CASES[number(case)]) {
                work(turns.parse().expect("a number of turns"));
            }
            Ok(())
        }
        [file, criterion] => collected(&medians(Path::new(criterion))?).write(Path::new(file)),
        _ => Err(io::Error::other("usage: measure FILE CRITERION")),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number of the tables")
}

fn collected(medians: &Medians) -> Results {
    let counts = has_valgrind();
    if !counts {
        println!("notice: valgrind is not installed, so no instruction was counted");
    }
    let of_peers = peers().enumerate().map(|(number, peer)| of_peer(number, peer, medians, counts));
    Results { run: run(), peers: of_peers.collect() }
}

fn of_peer(number: usize, peer: &Peer, medians: &Medians, counts: bool) -> PeerResults {
    println!("{}", peer.name);
    let mut cases = BTreeMap::new();
    for (case_number, case) in CASES.iter().enumerate() {
        let figure = match (peer.answer)(*case) {
            Answer::Cannot(reason) => Figure::Cannot(reason.to_owned()),
            Answer::Turns(work) => Figure::Done {
                nanoseconds: medians.get(&(case.to_string(), peer.name.to_owned())).copied(),
                instructions: (counts && case.is_countable()).then(|| instructions(number, case_number, turns(*case))),
                blocks: Some(blocks(&*work, turns(*case))),
            },
        };
        cases.insert(case.to_string(), figure);
    }
    PeerResults { peer: peer.name.to_owned(), gives: peer.gives.to_owned(), cases }
}

/// Enough to take no notice of what is done now and then; every type as often as the others.
fn turns(case: Case) -> u64 {
    match case {
        Case::Types(_) => 1_400,
        Case::ColdStart => 20,
        _ => 1_000,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn blocks(work: &dyn Fn(u64) -> Duration, turns: u64) -> f64 {
    let taken = |turns| {
        let before = BLOCKS.load(Ordering::Relaxed);
        work(turns);
        BLOCKS.load(Ordering::Relaxed) - before
    };
    taken(1);
    let (once, twice) = (taken(turns), taken(2 * turns));
    twice.saturating_sub(once) as f64 / turns as f64
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok()
}

/// Twice the turns less the turns: making itself ready does not count.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn instructions(peer: usize, case: usize, turns: u64) -> f64 {
    let counted = |turns: u64| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe().expect("the program knows where it is"))
            .args(["turns".to_owned(), peer.to_string(), case.to_string(), turns.to_string()])
            .output()
            .expect("valgrind can be started");
        let text = String::from_utf8_lossy(&output.stderr);
        let counted = text.lines().find_map(|line| line.split_once("Collected :"));
        let (_, counted) = counted.unwrap_or_else(|| panic!("callgrind counted nothing:\n{text}"));
        counted.trim().parse::<u64>().expect("callgrind counts in digits")
    };
    counted(2 * turns).saturating_sub(counted(turns)) as f64 / turns as f64
}

/// By the names of the case and of the peer; in nanoseconds.
type Medians = HashMap<(String, String), f64>;

/// What criterion measured, from the files that it leaves.
fn medians(folder: &Path) -> io::Result<Medians> {
    let mut medians = Medians::new();
    for case in folders(folder)? {
        for peer in folders(&case)? {
            let read = |name: &str| fs::read_to_string(peer.join("new").join(name));
            let (Ok(benchmark), Ok(estimates)) = (read("benchmark.json"), read("estimates.json")) else { continue };
            let (benchmark, estimates): (Value, Value) =
                (serde_json::from_str(&benchmark)?, serde_json::from_str(&estimates)?);
            let name = |key: &str| benchmark[key].as_str().unwrap_or_default().to_owned();
            if let Some(median) = estimates["median"]["point_estimate"].as_f64() {
                medians.insert((name("group_id"), name("function_id")), median);
            }
        }
    }
    Ok(medians)
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn run() -> Run {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or("an unknown processor", |(_, name)| name);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let compiler = Command::new("rustc").arg("--version").output();
    Run {
        machine: format!("{processor}, {threads} threads, {} {}", env::consts::OS, env::consts::ARCH),
        compiler: compiler.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned()).unwrap_or_default(),
        profile: profile(),
        date: time::OffsetDateTime::now_utc().date().to_string(),
    }
}

/// What the variables of cargo change in the profile of release, from which that of criterion inherits.
fn profile() -> String {
    let is_of_release =
        |name: &str| ["RELEASE", "BENCH"].iter().any(|it| name.starts_with(&format!("CARGO_PROFILE_{it}_")));
    let changes = env::vars().filter(|(name, _)| is_of_release(name)).map(|(name, value)| format!("{name}={value}"));
    let mut changes: Vec<String> = changes.collect();
    changes.sort();
    if changes.is_empty() {
        return "release as cargo has it: opt-level 3, no LTO between crates, 16 units".to_owned();
    }
    format!("release with {}", changes.join(" "))
}
