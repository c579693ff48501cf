//! What a dispatch costs its caller at its slowest, beside a bare bus, also while the disk fails.

use std::{
    fs, hint, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    SyncBus,
    recording::{JsonLineStore, Recording},
};

use super::{Folder, PlaceOrder, ROUNDS};

/// Equally long for all, because a busy machine takes the processor away so often in a time, not in so many dispatches.
const ROUND: Duration = Duration::from_millis(500);
/// What no caller may be held up for beyond what the machine does to a bare bus.
const LONGEST: Duration = Duration::from_millis(10);

/// Of one round, or the best of several.
#[derive(Clone, Copy)]
struct Times {
    per_second: f64,
    p9999: Duration,
    most: Duration,
}

impl Times {
    const WORST: Times = Times { per_second: 0.0, p9999: Duration::MAX, most: Duration::MAX };

    fn better(self, other: Times) -> Times {
        Times {
            per_second: self.per_second.max(other.per_second),
            p9999: self.p9999.min(other.p9999),
            most: self.most.min(other.most),
        }
    }
}

pub(crate) fn print() -> io::Result<()> {
    let (mut bare, mut works, mut fails) = (Times::WORST, Times::WORST, Times::WORST);
    for _ in 0..ROUNDS {
        bare = bare.better(times(&bus(None)));
        works = works.better(while_the_disk_works()?);
        fails = fails.better(while_the_disk_fails()?);
    }
    println!("\n| dispatches, each with one reading of the clock | per second | p99.99 | longest | bar | |");
    println!("|---|--:|--:|--:|---|---|");
    row("a bare bus", bare, "", "");
    let is_prompt = |times: Times| times.most < bare.most + LONGEST;
    row("recorded into files", works, "longest + 10 ms", met(is_prompt(works)));
    let goes_on = fails.per_second >= 0.95 * works.per_second;
    row("while the disk fails", fails, "longest + 10 ms, 95 % of that", met(is_prompt(fails) && goes_on));
    Ok(())
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "NOT MET" }
}

fn row(name: &str, Times { per_second, p9999, most }: Times, bar: &str, is_met: &str) {
    println!("| {name} | {per_second:.0} | {p9999:.1?} | {most:.1?} | {bar} | {is_met} |");
}

fn while_the_disk_works() -> io::Result<Times> {
    let folder = Folder::new()?;
    Ok(times(&bus(Some(Arc::new(folder.open()?)))))
}

/// The folder is removed, so that no file can be begun in it.
fn while_the_disk_fails() -> io::Result<Times> {
    let folder = Folder::new()?;
    let options = JsonLineStore::options().close_timeout(Duration::from_millis(50));
    let store = Arc::new(options.open(&folder.0).map_err(io::Error::other)?);
    let bus = bus(Some(Arc::clone(&store)));
    fs::remove_dir_all(&folder.0)?;
    while store.health().is_working() {
        bus.execute(PlaceOrder::example()).expect("it does nothing");
        thread::yield_now();
    }
    let times = times(&bus);
    assert!(!store.health().is_working(), "the disk came back");
    Ok(times)
}

fn bus(store: Option<Arc<JsonLineStore>>) -> SyncBus {
    let bus = SyncBus::empty().command(|order: PlaceOrder| drop(hint::black_box(order)));
    let bus = match store {
        Some(store) => bus.layer(Recording::new(store)),
        None => bus,
    };
    bus.build().expect("it is wired")
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than would matter")]
fn times(bus: &SyncBus) -> Times {
    let (mut each, mut total) = (Vec::new(), Duration::ZERO);
    while total < ROUND {
        let took = time(bus);
        total += took;
        each.push(took);
    }
    each.sort_unstable();
    let dispatches = each.len();
    Times {
        per_second: dispatches as f64 / total.as_secs_f64(),
        p9999: each[dispatches * 9_999 / 10_000],
        most: each[dispatches - 1],
    }
}

fn time(bus: &SyncBus) -> Duration {
    let order = PlaceOrder::example();
    let begun = Instant::now();
    bus.execute(order).expect("it does nothing");
    begun.elapsed()
}
