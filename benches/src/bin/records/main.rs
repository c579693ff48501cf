//! Recordings in files: how many records a second are written beside `serde_json` writing the same lines through a
//! `BufWriter`, what becomes of a burst, what an append costs its caller, how long a dispatch takes at its slowest, and which
//! thread had better serialise.
//! Prints Markdown tables. Rounds are taken in turns, and the best of each counts.

mod serialising;
mod slowest;

use std::{
    env,
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    Command, SyncBus, Uuid,
    recording::{JsonLineStore, MemoryStore, Record, RecordStore as _, Recording},
};
use serde::Serialize;
use serde_json::value::RawValue;

const ROUNDS: usize = 5;
const SUSTAINED: u32 = 2_000_000;
const BURST: u32 = 60_000;

/// An ordinary command.
#[derive(Clone, Command, Serialize)]
#[command(name = "orders.PlaceOrder")]
struct PlaceOrder {
    order: u64,
    customer: String,
    sku: String,
    count: u32,
    express: bool,
}

impl PlaceOrder {
    fn example() -> Self {
        PlaceOrder { order: 1_234_567, customer: "ada".into(), sku: "A-17".into(), count: 2, express: true }
    }
}

fn main() -> io::Result<()> {
    let record = record();
    println!("Lines of {} bytes.\n", record.to_line().len() + 1);
    let mut best = [0.0_f64; 2];
    let mut burst = (f64::MAX, 0);
    let mut trickle = f64::MAX;
    for _ in 0..ROUNDS {
        best[0] = best[0].max(bare(&record)?);
        best[1] = best[1].max(sustained(&record)?);
        let (nanos, dropped) = bursts(&record)?;
        burst = (burst.0.min(nanos), burst.1.max(dropped));
        trickle = trickle.min(trickles(&record)?);
    }
    let [bare, ours] = best;
    let is_met = if ours >= 500_000.0 || ours * 1.5 >= bare { "met" } else { "NOT MET" };
    println!("| sustained, nothing dropped | | bar | |\n|---|--:|---|---|");
    println!("| `serde_json`, `BufWriter`, one thread | {bare:.0}/s | | |");
    println!("| `JsonLineStore`, one producer | {ours:.0}/s | 500000/s, or 1.5x | {is_met} |\n");
    println!("| appending | ns each | dropped |\n|---|--:|--:|");
    println!("| a burst of {BURST} into the default queue | {:.0} | {} |", burst.0, burst.1);
    println!("| 1,000, when the writer rests | {trickle:.0} | 0 |");
    slowest::print()?;
    serialising::print()
}

/// A record as the layer makes it.
fn record() -> Record {
    let store = MemoryStore::new();
    let bus = SyncBus::empty().command(|_: PlaceOrder| ()).layer(Recording::new(store.clone())).build();
    bus.expect("it is wired").execute(PlaceOrder::example()).expect("it does nothing");
    store.take().pop().expect("it was recorded")
}

/// The keys of a line, for `serde_json`. The time is text already, which is more than the store is given.
#[derive(Serialize)]
struct Line<'a> {
    ts: &'a str,
    r#type: &'a str,
    class: &'a str,
    payload: &'a RawValue,
    duration_ns: u64,
    result: Option<&'a RawValue>,
    error: Option<&'a str>,
    v: u32,
    message: &'a str,
    outcome: &'a str,
    id: Id,
    correlation_id: Id,
    causation_id: Option<Id>,
    handler: Option<&'a str>,
    attempt: u32,
    nested: bool,
    thread: &'a str,
    task: Option<u64>,
}

/// As the crate `uuid` serialises it.
struct Id(Uuid);

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

fn bare(record: &Record) -> io::Result<f64> {
    let folder = Folder::new()?;
    let mut file = BufWriter::new(File::create(folder.0.join("bare.jsonl"))?);
    let payload: &RawValue = serde_json::from_str(record.payload().expect("it has one"))?;
    let handler = record.handler.as_ref().map(ToString::to_string);
    let line = record.to_line();
    let ts = &line[7..34];
    let write = |file: &mut BufWriter<File>| {
        let line = Line {
            ts,
            r#type: record.kind.label(),
            class: &record.class,
            payload,
            duration_ns: u64::try_from(record.duration.as_nanos()).unwrap_or(u64::MAX),
            result: None,
            error: record.error(),
            v: 1,
            message: &record.message,
            outcome: record.ended.label(),
            id: Id(record.id),
            correlation_id: Id(record.correlation_id),
            causation_id: record.causation_id.map(Id),
            handler: handler.as_deref(),
            attempt: record.attempt,
            nested: record.is_nested,
            thread: &record.worker.thread,
            task: None,
        };
        serde_json::to_writer(&mut *file, &line)?;
        file.write_all(b"\n")
    };
    let begun = Instant::now();
    for _ in 0..SUSTAINED {
        write(&mut file)?;
    }
    file.flush()?;
    let rate = per_second(begun.elapsed());
    let written = fs::read_to_string(folder.0.join("bare.jsonl"))?;
    assert_eq!(written.lines().next(), Some(&*line), "it is the same line");
    Ok(rate)
}

fn sustained(record: &Record) -> io::Result<f64> {
    let folder = Folder::new()?;
    let store = folder.open()?;
    let begun = Instant::now();
    for number in 0..SUSTAINED {
        store.append(record.clone()).expect("it is open");
        // As quick as it can be without a drop.
        while number % 1024 == 0 && store.health().queued > 32_768 {
            thread::yield_now();
        }
    }
    // Without its sync, as the other one does none.
    while store.health().queued > 0 {
        thread::yield_now();
    }
    let rate = per_second(begun.elapsed());
    assert_eq!((store.written(), store.dropped()), (u64::from(SUSTAINED), 0));
    Ok(rate)
}

/// Nanoseconds for each append, and how many were dropped.
fn bursts(record: &Record) -> io::Result<(f64, u64)> {
    let folder = Folder::new()?;
    let store = folder.open()?;
    let records = vec![record.clone(); BURST as usize];
    let nanos = append_all(&store, records);
    store.close().map_err(io::Error::other)?;
    Ok((nanos, store.dropped()))
}

fn trickles(record: &Record) -> io::Result<f64> {
    let folder = Folder::new()?;
    let store = folder.open()?;
    let mut best = f64::MAX;
    for _ in 0..20 {
        let records = vec![record.clone(); 1_000];
        best = best.min(append_all(&store, records));
        store.flush().map_err(io::Error::other)?;
    }
    Ok(best)
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than would matter")]
fn append_all(store: &JsonLineStore, records: Vec<Record>) -> f64 {
    let count = records.len() as f64;
    let begun = Instant::now();
    for record in records {
        store.append(record).expect("it is open");
    }
    begun.elapsed().as_nanos() as f64 / count
}

fn per_second(took: Duration) -> f64 {
    f64::from(SUSTAINED) / took.as_secs_f64()
}

/// Beside the program, so on the disk that it was built on; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = env::current_exe()?.with_file_name(format!("linkbus-records-{}", Uuid::now_v7()));
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    fn open(&self) -> io::Result<JsonLineStore> {
        let folder: &Path = &self.0;
        JsonLineStore::options().max_file_bytes(u64::MAX).open(folder).map_err(io::Error::other)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
