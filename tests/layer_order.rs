//! R23: every order of the layers is refused with a reason, or does what is written in `tests/layer_order/table.txt`.
//!
//! `BLESS=1` writes the table anew; read it before it is committed.

use std::{
    fmt::Write as _,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use linkbus::{
    Builder, Bus, Command, Flavor, SyncBus,
    clock::ManualClock,
    layer::{Concurrency, DeadLetters, Latency, LatencyStats, Layer, Retry, Timeout, dead_letter::Filter},
};

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
}

impl Kept {
    fn new() -> Self {
        Kept {
            calls: Arc::default(),
            letters: DeadLetters::in_memory(),
            latency: LatencyStats::default(),
            concurrency: Concurrency::of_bus(1).reject(),
            clock: ManualClock::new(),
        }
    }
}

fn calls(kept: &Kept) -> impl Fn() -> u32 + Clone + Send + Sync + 'static {
    let calls = kept.calls.clone();
    move || calls.fetch_add(1, Ordering::Relaxed) + 1
}

fn failure() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn with_layers<B: Flavor>(mut builder: Builder<B>, order: &[One], kept: &Kept) -> Builder<B>
where
    Retry: Layer<B>,
    Timeout: Layer<B>,
    Concurrency: Layer<B>,
    DeadLetters: Layer<B>,
    Latency: Layer<B>,
{
    for one in order {
        builder = match one {
            C => builder.layer(kept.concurrency.clone()),
            L => builder.layer(Latency::new(&kept.latency)),
            D => builder.layer(kept.letters.clone()),
            R => builder.layer(Retry::new().max_attempts(3)),
            T => builder.layer(Timeout::after(Duration::from_secs(60))),
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
    match &attempts[..] {
        [] => text.push_str(", no letter"),
        [attempts] => write!(text, ", 1 letter of {attempts} attempts").unwrap(),
        several => panic!("{} letters", several.len()),
    }
    text
}

fn samples<M: linkbus::Message>(kept: &Kept) -> u64 {
    kept.latency.percentiles::<M>().map_or(0, |percentiles| percentiles.count as u64)
}

/// What a synchronous bus makes of a command that fails, and of one that succeeds at the third attempt.
fn on_sync_bus(order: &[One]) -> Result<[String; 2], String> {
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
    Ok([fails, came_to(&kept, samples::<SucceedsInTheEnd>(&kept), outcome.is_ok())])
}

/// The same on an asynchronous bus, and what it makes of a command that hangs.
async fn on_bus(order: &[One]) -> Result<[String; 3], String> {
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
    Ok([fails, succeeds, came_to(&kept, samples::<Hangs>(&kept), outcome.is_ok())])
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
            (Ok(sync), Ok([fails, succeeds, hangs])) => {
                assert_eq!(sync, [fails.clone(), succeeds.clone()], "{order:?}: the buses differ");
                writeln!(
                    table,
                    "  a failure:       {fails}\n  a third attempt: {succeeds}\n  a hang:          {hangs}"
                )
                .unwrap();
                assert!(
                    fails.contains("1 letter of 3 attempts") && hangs.contains("1 letter"),
                    "{order:?}: {fails}; {hangs}"
                );
                assert!(
                    succeeds.starts_with("succeeds, 3 calls") && succeeds.ends_with("no letter"),
                    "{order:?}: {succeeds}"
                );
            }
            (sync, asynchronous) => panic!("{order:?}: {sync:?} but {asynchronous:?}"),
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layer_order/table.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let differs = table.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(table == written, "{differs:?}; if that is right, run this test with BLESS=1");
}
