//! R23: every order of the layers is refused with a reason, or does what is written in `tests/layer_order`: in `table.txt`
//! all orders of the layers that do something, in `pairs.txt` those that only watch, and `Tower`, with each of the others.
//!
//! `BLESS=1` writes the tables anew, with all features; read them before they are committed.

#[path = "support/until.rs"]
mod deadline;
#[cfg(feature = "metrics")]
#[path = "support/meter.rs"]
mod meter;

use std::{
    cell::Cell,
    fmt::Write as _,
    io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use linkbus::{
    Builder, Bus, Command, Flavor, SyncBus,
    clock::ManualClock,
    layer::{
        Concurrency, Counts, DeadLetters, Latency, LatencyStats, Layer, Retry, Timeout, TimeoutCounts, Trace,
        dead_letter::Filter,
    },
};
use tracing_subscriber::{layer::SubscriberExt as _, registry::LookupSpan};

use self::deadline::{until, until_scoped};

/// Always fails, with an error that is tried again.
#[derive(Command, Clone)]
#[command(error = io::Error)]
struct Fails;

/// Succeeds at the third attempt.
#[derive(Command, Clone)]
#[command(error = io::Error)]
struct SucceedsInTheEnd;

/// Never ends.
#[derive(Command, Clone)]
struct Hangs;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum One {
    Concurrency,
    Latency,
    DeadLetters,
    Retry,
    Timeout,
    Trace,
    Counts,
    #[cfg(feature = "metrics")]
    Metrics,
    #[cfg(feature = "tower")]
    Tower,
}

use One::{Concurrency as C, DeadLetters as D, Latency as L, Retry as R, Timeout as T};

fn orders() -> Vec<Vec<One>> {
    fn extend(order: &mut Vec<One>, orders: &mut Vec<Vec<One>>) {
        let free: Vec<_> = [C, L, D, R, T].into_iter().filter(|one| !order.contains(one)).collect();
        if free.is_empty() {
            orders.push(order.clone());
        }
        for one in free {
            order.push(one);
            extend(order, orders);
            order.pop();
        }
    }
    let mut orders = Vec::new();
    extend(&mut Vec::new(), &mut orders);
    orders
}

/// What the layers of one bus keep, to be looked at afterwards.
struct Kept {
    calls: Arc<AtomicU32>,
    letters: DeadLetters,
    latency: LatencyStats,
    concurrency: Concurrency,
    clock: ManualClock,
    timeouts: OnceLock<TimeoutCounts>,
    counts: Counts,
    #[cfg(feature = "metrics")]
    meter: meter::Meter,
}

impl Kept {
    fn new() -> Self {
        Kept {
            calls: Arc::default(),
            letters: DeadLetters::in_memory(),
            latency: LatencyStats::default(),
            concurrency: Concurrency::of_bus(1).reject(),
            clock: ManualClock::new(),
            timeouts: OnceLock::new(),
            counts: Counts::new(),
            #[cfg(feature = "metrics")]
            meter: meter::Meter::default(),
        }
    }

    fn every_attempt() -> Self {
        Kept { letters: DeadLetters::in_memory().every_attempt(), ..Kept::new() }
    }

    fn timeout(&self) -> Timeout {
        let timeout = Timeout::after(Duration::from_secs(60));
        let _ = self.timeouts.set(timeout.counts());
        timeout
    }

    /// Whether no handler goes on without its caller.
    fn is_over(&self) -> bool {
        self.timeouts.get().is_none_or(|counts| counts.left_running() == 0)
    }
}

/// A bus that may have a tower layer.
trait Towered: Flavor {
    #[cfg(feature = "tower")]
    fn with_tower(_: Builder<Self>) -> Builder<Self>
    where
        Self: Sized,
    {
        unreachable!("only a `Bus` has one")
    }
}

impl Towered for SyncBus {}

impl Towered for Bus {
    #[cfg(feature = "tower")]
    fn with_tower(builder: Builder<Bus>) -> Builder<Bus> {
        builder.layer(linkbus::layer::tower::Tower::of_bus(tower::limit::ConcurrencyLimitLayer::new(1)))
    }
}

fn calls(kept: &Kept) -> impl Fn() -> u32 + Clone + Send + Sync + 'static {
    let calls = kept.calls.clone();
    move || calls.fetch_add(1, Ordering::Relaxed) + 1
}

fn failure() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn with_layers<B: Towered>(mut builder: Builder<B>, order: &[One], kept: &Kept) -> Builder<B>
where
    Retry: Layer<B>,
    Timeout: Layer<B>,
    Concurrency: Layer<B>,
{
    for one in order {
        builder = match one {
            C => builder.layer(kept.concurrency.clone()),
            L => builder.layer(Latency::new(&kept.latency)),
            D => builder.layer(kept.letters.clone()),
            R => builder.layer(Retry::new().max_attempts(3)),
            T => builder.layer(kept.timeout()),
            One::Trace => builder.layer(Trace::new()),
            One::Counts => builder.layer(kept.counts.clone()),
            #[cfg(feature = "metrics")]
            One::Metrics => builder.layer(linkbus::layer::Metrics::new()),
            #[cfg(feature = "tower")]
            One::Tower => B::with_tower(builder),
        };
    }
    builder.clock(kept.clock.clone())
}

/// What came of one dispatch: calls of the handler, letters with their attempts, samples, and what was let in.
fn came_to(kept: &Kept, samples: u64, is_success: bool) -> String {
    let letters = kept.letters.store().list(&Filter::any(), 10).unwrap();
    let attempts: Vec<_> = letters.iter().map(|letter| letter.attempts).collect();
    let stats = kept.concurrency.stats();
    assert_eq!((stats.in_flight, stats.waiting), (0, 0), "a permit was left behind");
    let mut text = String::from(if is_success { "succeeds" } else { "fails" });
    write!(text, ", {} calls, {samples} samples, {} let in", kept.calls.load(Ordering::Relaxed), stats.admitted)
        .unwrap();
    text.push_str(", ");
    text.push_str(&letters_of(attempts));
    text
}

fn letters_of(mut attempts: Vec<u32>) -> String {
    attempts.sort_unstable();
    match &attempts[..] {
        [] => "no letter".to_owned(),
        [attempts] => format!("1 letter of {attempts} attempts"),
        several => format!("{} letters of {several:?} attempts", several.len()),
    }
}

/// With a letter for every attempt.
fn letters(kept: &Kept) -> String {
    let letters = kept.letters.store().list(&Filter::any(), 10).unwrap();
    letters_of(letters.iter().map(|letter| letter.attempts).collect())
}

/// Where handlers wait.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (is_open, opened) = &*self.0;
        drop(opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// What a synchronous bus makes of a command that hangs: the time passes while its caller waits, and when that is over the
/// handlers are let go.
fn hang_on_sync_bus(order: &[One]) -> String {
    let kept = Kept { clock: ManualClock::stopped(), ..Kept::new() };
    let (next, gate) = (calls(&kept), Gate::default());
    let handler = gate.clone();
    let bus = SyncBus::empty().command(move |_: Hangs| {
        next();
        handler.pass();
    });
    let bus = with_layers(bus, order, &kept).build().unwrap();
    let is_success = thread::scope(|scope| {
        let call = scope.spawn(|| bus.execute(Hangs).is_ok());
        let begun = Cell::new((0, 0));
        until_scoped(|| {
            // A minute for each call of the handler that has begun, and for each delay: else an attempt might be out of
            // time before it began.
            let now_begun = (kept.calls.load(Ordering::Relaxed), kept.clock.sleeps().len());
            if begun.replace(now_begun) != now_begun {
                kept.clock.advance(Duration::from_secs(60));
            }
            call.is_finished()
        });
        call.join().unwrap()
    });
    gate.open();
    until(|| kept.is_over());
    came_to(&kept, samples::<Hangs>(&kept), is_success)
}

fn samples<M: linkbus::Message>(kept: &Kept) -> u64 {
    kept.latency.percentiles::<M>().map_or(0, |percentiles| percentiles.count as u64)
}

/// What a synchronous bus makes of a command that fails, and of one that succeeds at the third attempt.
fn on_sync_bus(order: &[One]) -> Result<[String; 3], String> {
    let kept = Kept::new();
    let next = calls(&kept);
    let bus = SyncBus::empty().command(move |_: Fails| {
        next();
        Err::<(), _>(failure())
    });
    let bus = with_layers(bus, order, &kept).build().map_err(|error| refusal(&error))?;
    let outcome = bus.execute(Fails);
    let fails = came_to(&kept, samples::<Fails>(&kept), outcome.is_ok());

    let kept = Kept::new();
    let next = calls(&kept);
    let bus = SyncBus::empty().command(move |_: SucceedsInTheEnd| if next() < 3 { Err(failure()) } else { Ok(()) });
    let bus = with_layers(bus, order, &kept).build().map_err(|error| refusal(&error))?;
    let outcome = bus.execute(SucceedsInTheEnd);
    let succeeds = came_to(&kept, samples::<SucceedsInTheEnd>(&kept), outcome.is_ok());

    let kept = Kept::every_attempt();
    let bus = SyncBus::empty().command(|_: Fails| Err::<(), _>(failure()));
    with_layers(bus, order, &kept).build().unwrap().execute(Fails).unwrap_err();
    Ok([fails, succeeds, letters(&kept)])
}

/// The same on an asynchronous bus, and what it makes of a command that hangs.
async fn on_bus(order: &[One]) -> Result<[String; 4], String> {
    let kept = Kept::new();
    let next = calls(&kept);
    let bus = Bus::empty().command_async(move |_: Fails| {
        next();
        async { Err::<(), _>(failure()) }
    });
    let bus = with_layers(bus, order, &kept).build().map_err(|error| refusal(&error))?;
    let outcome = bus.execute(Fails).await;
    let fails = came_to(&kept, samples::<Fails>(&kept), outcome.is_ok());

    let kept = Kept::new();
    let next = calls(&kept);
    let bus = Bus::empty().command_async(move |_: SucceedsInTheEnd| {
        let call = next();
        async move { if call < 3 { Err(failure()) } else { Ok(()) } }
    });
    let bus = with_layers(bus, order, &kept).build().map_err(|error| refusal(&error))?;
    let outcome = bus.execute(SucceedsInTheEnd).await;
    let succeeds = came_to(&kept, samples::<SucceedsInTheEnd>(&kept), outcome.is_ok());

    let kept = Kept::new();
    let next = calls(&kept);
    let bus = Bus::empty().command_async(move |_: Hangs| {
        next();
        std::future::pending::<()>()
    });
    let bus = with_layers(bus, order, &kept).build().map_err(|error| refusal(&error))?;
    let outcome = while_time_passes(&kept.clock, bus.execute(Hangs)).await;
    let hangs = came_to(&kept, samples::<Hangs>(&kept), outcome.is_ok());

    let kept = Kept::every_attempt();
    let bus = Bus::empty().command_async(|_: Fails| async { Err::<(), _>(failure()) });
    with_layers(bus, order, &kept).build().unwrap().execute(Fails).await.unwrap_err();
    Ok([fails, succeeds, letters(&kept), hangs])
}

/// A minute passes whenever the future waits.
async fn while_time_passes<T>(clock: &ManualClock, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|task| {
        let poll = future.as_mut().poll(task);
        if poll.is_pending() {
            clock.advance(Duration::from_secs(60));
            task.waker().wake_by_ref();
        }
        poll
    })
    .await
}

fn refusal(error: &linkbus::WiringError) -> String {
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!(fault.code(), "BUS013");
    format!("refused: {}", fault.help())
}

#[tokio::test]
async fn every_order_does_what_is_written_down() {
    let mut table = String::new();
    for order in orders() {
        let names: Vec<_> = order.iter().map(|one| format!("{one:?}")).collect();
        writeln!(table, "{}", names.join(" > ")).unwrap();
        match (on_sync_bus(&order), on_bus(&order).await) {
            (Err(refused), Err(same)) => {
                assert_eq!(refused, same);
                writeln!(table, "  {refused}").unwrap();
            }
            (Ok(sync), Ok([fails, succeeds, every, hangs])) => {
                let sync_hangs = hang_on_sync_bus(&order);
                assert_eq!(sync, [fails.clone(), succeeds.clone(), every.clone()], "{order:?}: the buses differ");
                writeln!(
                    table,
                    "  a failure:       {fails}\n  every_attempt(): {every}\n  a third attempt: {succeeds}\n  a hang:          {hangs}\n  on a SyncBus:    {sync_hangs}"
                )
                .unwrap();
                assert!(
                    fails.contains("1 letter of 3 attempts")
                        && hangs.contains("1 letter")
                        && sync_hangs.contains("1 letter"),
                    "{order:?}: {fails}; {hangs}; {sync_hangs}"
                );
                assert!(
                    succeeds.starts_with("succeeds, 3 calls") && succeeds.ends_with("no letter"),
                    "{order:?}: {succeeds}"
                );
            }
            (sync, asynchronous) => panic!("{order:?}: {sync:?} but {asynchronous:?}"),
        }
    }
    is_written_down("table.txt", &table, |_| true);
}

/// Compares a table with what is written in this file, of which some lines may not be for these features.
fn is_written_down(file: &str, table: &str, is_known: fn(&str) -> bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layer_order").join(file);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let (now, then) = (table.lines(), written.lines().filter(|line| is_known(line)));
    let differs = now.clone().zip(then.clone()).find(|(now, then)| now != then);
    assert!(now.eq(then), "{differs:?}; if that is right, run this test with BLESS=1");
}

/// Counts the spans of the bus, on whichever thread.
struct Spans;

static SPANS: AtomicU64 = AtomicU64::new(0);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Spans {
    fn on_new_span(
        &self,
        span: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        SPANS.fetch_add(u64::from(span.metadata().target() == "linkbus"), Ordering::Relaxed);
    }
}

/// Builds what is given with the recorder of `kept`.
fn built<B: Flavor>(builder: Builder<B>, kept: &Kept) -> Result<B, String> {
    #[cfg(feature = "metrics")]
    let built = metrics::with_local_recorder(&kept.meter, || builder.build());
    #[cfg(not(feature = "metrics"))]
    let built = builder.build();
    let _ = kept;
    built.map_err(|error| refusal(&error))
}

/// What those that watch saw of a command that fails, and what the others did.
fn seen(pair: [One; 2], kept: &Kept) -> String {
    let counts = kept.counts.snapshot();
    let mut text = format!("{} calls", kept.calls.load(Ordering::Relaxed));
    for one in pair {
        match one {
            One::Trace => write!(text, ", {} spans", SPANS.swap(0, Ordering::Relaxed)).unwrap(),
            One::Counts => write!(text, ", {} failed", counts.total_failed()).unwrap(),
            #[cfg(feature = "metrics")]
            One::Metrics => write!(text, ", {} in metrics", kept.meter.dispatches()).unwrap(),
            L => write!(text, ", {} samples", samples::<Fails>(kept)).unwrap(),
            D => write!(text, ", {}", letters(kept)).unwrap(),
            C => write!(text, ", {} let in", kept.concurrency.stats().admitted).unwrap(),
            _ => {}
        }
    }
    text
}

fn pair_on_sync_bus(pair: [One; 2]) -> String {
    let kept = Kept::new();
    let next = calls(&kept);
    let bus = SyncBus::empty().command(move |_: Fails| {
        next();
        Err::<(), _>(failure())
    });
    match built(with_layers(bus, &pair, &kept), &kept) {
        Err(refused) => refused,
        Ok(bus) => {
            bus.execute(Fails).unwrap_err();
            seen(pair, &kept)
        }
    }
}

async fn pair_on_bus(pair: [One; 2]) -> String {
    let kept = Kept::new();
    let next = calls(&kept);
    let bus = Bus::empty().command_async(move |_: Fails| {
        next();
        async { Err::<(), _>(failure()) }
    });
    match built(with_layers(bus, &pair, &kept), &kept) {
        Err(refused) => refused,
        Ok(bus) => {
            bus.execute(Fails).await.unwrap_err();
            seen(pair, &kept)
        }
    }
}

/// The layers that watch, and `Tower`: outside and inside of each other one.
#[tokio::test]
async fn every_pair_does_what_is_written_down() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Spans)).unwrap();
    let one_of_each = [
        One::Trace,
        One::Counts,
        #[cfg(feature = "metrics")]
        One::Metrics,
        #[cfg(feature = "tower")]
        One::Tower,
    ];
    let all = [C, L, D, R, T].into_iter().chain(one_of_each);
    let mut table = String::new();
    for (one, other) in one_of_each.into_iter().flat_map(|one| all.clone().map(move |other| (one, other))) {
        if one == other {
            continue;
        }
        for pair in [[one, other], [other, one]] {
            let does = pair_on_bus(pair).await;
            #[cfg(feature = "tower")]
            let has_tower = pair.contains(&One::Tower);
            #[cfg(not(feature = "tower"))]
            let has_tower = false;
            if !has_tower {
                assert_eq!(pair_on_sync_bus(pair), does, "{pair:?}: the buses differ");
            }
            writeln!(table, "{:?} > {:?}: {does}", pair[0], pair[1]).unwrap();
        }
    }
    is_written_down("pairs.txt", &table, |line| {
        let has = |layer: &str| line.starts_with(layer) || line.contains(&format!("> {layer}:"));
        (cfg!(feature = "metrics") || !has("Metrics")) && (cfg!(feature = "tower") || !has("Tower"))
    });
}
