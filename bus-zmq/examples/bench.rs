//! What messages between two processes cost, beside what raw ZeroMQ costs: `cargo run --release -p bus-zmq --example bench`.
//!
//! The program starts itself as the other process.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command as Process, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bus_zmq::{NoWorker, Zmq, ZmqClient};
use linkbus::{Bus, Command, Event, Query, transport::Endpoint};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::task::JoinSet;

/// 64 bytes.
type Body = ByteBuf;

fn body() -> Body {
    ByteBuf::from([7; 64])
}

#[derive(Query, Clone, Serialize, Deserialize)]
#[query(reply = Body, name = "bench.Echo")]
struct Echo(Body);

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "bench.Do")]
struct Do(Body);

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(name = "bench.Keep")]
struct Keep(ByteBuf);

#[derive(Event, Clone, Serialize, Deserialize)]
#[event(name = "bench.Happened")]
struct Happened(Body);

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (role, folder) = match &arguments[..] {
        [role, folder, ..] => (&**role, &**folder),
        _ => ("parent", ""),
    };
    match role {
        "raw" => raw_echo(folder),
        "parent" => parent(),
        _ => runtime(1).block_on(serve(role, folder)),
    }
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    match threads {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        _ => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap(),
    }
}

fn endpoint(folder: &str) -> String {
    format!("ipc://{folder}/run/bus")
}

/// The other process.
struct Other(Child);

impl Other {
    fn start(role: &str, folder: &str) -> Self {
        let mut process = Process::new(env::current_exe().unwrap());
        Other(process.args([role, folder]).stdout(Stdio::inherit()).spawn().unwrap())
    }

    fn cpu(&self) -> Duration {
        cpu(self.0.id())
    }

    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cpu(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(") ").map_or("", |(_, after)| after);
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn switches(id: u32) -> u64 {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        for l in status.lines().filter(|l| l.contains("ctxt_switches")) {
            total += l.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
        }
    }
    total
}

/// Hub and worker in one process; or a hub, or a subscriber.
async fn serve(role: &str, folder: &str) {
    if role == "subscriber" {
        let heard = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&heard);
        let bus = Bus::empty().replayable().subscribe(move |_: &Happened| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let endpoint_here = Endpoint::new(&bus.build().unwrap()).unwrap();
        let worker = Zmq::worker().endpoint(endpoint(folder)).event_credit(4096).connect(endpoint_here).unwrap();
        let handle = worker.handle();
        let report = Path::new(folder).join(format!("heard-{}", std::process::id()));
        tokio::spawn(async move {
            loop {
                // The count first: what was missed before it is in the second number.
                let (heard, missed) = (heard.load(Ordering::Relaxed), handle.stats().missed_events);
                fs::write(report.with_extension("new"), format!("{heard} {missed}")).unwrap();
                fs::rename(report.with_extension("new"), &report).unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        worker.run().await.unwrap();
        return;
    }
    let hub = Zmq::hub().endpoint(endpoint(folder)).no_worker(NoWorker::Queue).event_queue(100_000, 64 << 20);
    let hub = hub.start().unwrap();
    if role == "hub" {
        return std::future::pending().await;
    }
    let bus = Bus::empty().replayable().query(|echo: Echo| echo.0).command(|_: Do| ());
    let bus = Endpoint::new(&bus.build().unwrap()).unwrap();
    Zmq::worker().join(&hub, bus).unwrap().run().await.unwrap();
}

fn raw_echo(folder: &str) {
    let context = zmq::Context::new();
    let socket = context.socket(zmq::ROUTER).unwrap();
    socket.bind(&format!("ipc://{folder}/raw")).unwrap();
    let (mut id, mut message) = (zmq::Message::new(), zmq::Message::new());
    loop {
        socket.recv(&mut id, 0).unwrap();
        socket.recv(&mut message, 0).unwrap();
        socket.send(&*id, zmq::SNDMORE).unwrap();
        socket.send(&*message, 0).unwrap();
    }
}

fn parent() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let rounds = env::var("ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    for round in 1..=rounds {
        println!("round {round}");
        if is_wanted("queries") {
            let (raw_p50, raw_rate) =
                if env::var_os("NORAW").is_some() { (Duration::from_micros(50), 300_000.0) } else { raw(folder) };
            let other = Other::start("server", folder);
            runtime(1).block_on(queries(folder, &other, raw_p50, raw_rate));
        }
        if is_wanted("commands") {
            let other = Other::start("server", folder);
            runtime(1).block_on(commands(folder, &other));
        }
        if is_wanted("events") {
            for subscribers in [1, 4] {
                runtime(1).block_on(events(folder, subscribers));
            }
        }
    }
    if is_wanted("idle") {
        idle(folder);
    }
    if is_wanted("memory") {
        runtime(1).block_on(memory(folder));
    }
}

/// Whether a part is to be measured: `PARTS=queries,commands`, or all.
fn is_wanted(part: &str) -> bool {
    env::var("PARTS").map_or(true, |parts| parts.split(',').any(|wanted| wanted == part))
}

fn raw(folder: &str) -> (Duration, f64) {
    let other = Other::start("raw", folder);
    let context = zmq::Context::new();
    let socket = context.socket(zmq::DEALER).unwrap();
    socket.connect(&format!("ipc://{folder}/raw")).unwrap();
    let mut message = zmq::Message::new();
    let mut one = |socket: &zmq::Socket| {
        socket.send(&[7u8; 64][..], 0).unwrap();
        socket.recv(&mut message, 0).unwrap();
    };
    (0..1_000).for_each(|_| one(&socket));
    let p50 = median((0..5_000).map(|_| {
        let begun = Instant::now();
        one(&socket);
        begun.elapsed()
    }));
    let count = 300_000;
    let (begun, before) = (Instant::now(), cpu(std::process::id()) + other.cpu());
    for _ in 0..64 {
        socket.send(&[7u8; 64][..], 0).unwrap();
    }
    for _ in 0..count - 64 {
        socket.recv(&mut message, 0).unwrap();
        socket.send(&[7u8; 64][..], 0).unwrap();
    }
    for _ in 0..64 {
        socket.recv(&mut message, 0).unwrap();
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    let each = (cpu(std::process::id()) + other.cpu()).saturating_sub(before) / count;
    println!("  raw ZeroMQ: p50 {p50:?}, {rate:.0}/s with 64 in flight; {each:?} of processors each");
    (p50, rate)
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

async fn bus(folder: &str, served: &[&str]) -> (Bus, ZmqClient) {
    let client = Zmq::client().endpoint(endpoint(folder)).in_flight(200_000).connect().unwrap();
    client.served(served).await.unwrap();
    let known = Bus::empty().message::<Echo>().message::<Do>().message::<Keep>().message::<Happened>();
    (known.transport(client.clone()).build().unwrap(), client)
}

/// Sends with so many at once until `count` are done; gives how many there were in a second, and the time of processors that
/// each took in these processes and this one: where the machine has other work to do, that says more.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    at_once: u64,
    count: u64,
    others: &[u32],
    one: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> (f64, Duration) {
    let used = || others.iter().chain([&std::process::id()]).map(|id| cpu(*id)).sum::<Duration>();
    let sw = || others.iter().chain([&std::process::id()]).map(|id| switches(*id)).sum::<u64>();
    let (begun, before, sb) = (Instant::now(), used(), sw());
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let one = one.clone();
        tasks.spawn(async move {
            for _ in 0..count / at_once {
                one().await;
            }
        });
    }
    tasks.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let number = count as f64;
    let each = used().saturating_sub(before) / u32::try_from(count).expect("not so many");
    eprintln!("    switches each {:.3}", (sw() - sb) as f64 / number);
    (number / begun.elapsed().as_secs_f64(), each)
}

async fn queries(folder: &str, other: &Other, raw_p50: Duration, raw_rate: f64) {
    let (bus, _) = bus(folder, &["bench.Echo"]).await;
    let mut times = Vec::new();
    for number in 0..6_000 {
        let begun = Instant::now();
        bus.send(Echo(body())).await.unwrap();
        if number >= 1_000 {
            times.push(begun.elapsed());
        }
    }
    let p50 = median(times.into_iter());
    println!("  query: p50 {p50:?}, {:.2} x raw", p50.as_secs_f64() / raw_p50.as_secs_f64());
    let (rate, each) = rate(64, count(), &[other.0.id()], move || {
        let bus = bus.clone();
        async move { assert_eq!(bus.send(Echo(body())).await.unwrap(), body()) }
    })
    .await;
    println!(
        "  queries, 64 in flight: {rate:.0}/s, {:.0} % of raw; {each:?} of processors each",
        100.0 * rate / raw_rate
    );
}

async fn commands(folder: &str, other: &Other) {
    let (bus, _) = bus(folder, &["bench.Do"]).await;
    let (rate, each) = rate(256, count(), &[other.0.id()], move || {
        let bus = bus.clone();
        async move { bus.execute(Do(body())).await.unwrap() }
    })
    .await;
    println!("  commands acknowledged: {rate:.0}/s; {each:?} of processors each");
}

async fn events(folder: &str, subscribers: usize) {
    let hub = Other::start("hub", folder);
    let (bus, _) = bus(folder, &[]).await;
    let others: Vec<_> = (0..subscribers).map(|_| Other::start("subscriber", folder)).collect();
    let heard = || {
        let files = others.iter().map(|other| fs::read_to_string(format!("{folder}/heard-{}", other.0.id())));
        let numbers = files.map(Result::unwrap_or_default);
        let numbers = numbers.map(|file| match file.split_once(' ') {
            Some((heard, missed)) => (heard.parse().unwrap_or(0), missed.parse().unwrap_or(0)),
            None => (0, 0),
        });
        numbers.collect::<Vec<(u64, u64)>>()
    };
    // Until all have heard something: then all are there.
    while heard().iter().any(|(heard, _)| *heard == 0) {
        bus.publish(Happened(body())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = heard();
    let count = count();
    let begun = Instant::now();
    let ids: Vec<u32> = others.iter().chain([&hub]).map(|other| other.0.id()).collect();
    let (published, each) = rate(256, count, &ids, move || {
        let bus = bus.clone();
        async move { bus.publish(Happened(body())).await.unwrap() }
    })
    .await;
    let count = count / 256 * 256;
    let totals =
        || heard().iter().zip(&before).map(|(now, before)| (now.0 - before.0, now.1 - before.1)).collect::<Vec<_>>();
    while totals().iter().any(|(heard, missed)| heard + missed < count) && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all: u64 = totals().iter().map(|(heard, _)| heard).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let delivered = all as f64 / subscribers as f64 / begun.elapsed().as_secs_f64();
    println!(
        "  events to {subscribers}: published {published:.0}/s, delivered {delivered:.0}/s to each; {each:?} of processors each; {:?}",
        totals()
    );
}

/// Hub and worker in one process and a client in another, without anything to do.
fn idle(folder: &str) {
    let other = Other::start("server", folder);
    let runtime = runtime(1);
    let _client = runtime.block_on(bus(folder, &["bench.Echo"]));
    std::thread::sleep(Duration::from_secs(1));
    let (there, here, begun) = (other.cpu(), cpu(std::process::id()), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let share = |used: Duration| 100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64();
    let here = cpu(std::process::id()).saturating_sub(here);
    println!("idle: {:.2} % of a core there, {:.2} % here", share(other.cpu().saturating_sub(there)), share(here));
}

async fn memory(folder: &str) {
    let other = Other::start("hub", folder);
    let (bus, client) = bus(folder, &[]).await;
    client.ready().await.unwrap();
    let before = other.memory();
    let mut tasks = JoinSet::new();
    for _ in 0..100_000 {
        let bus = bus.clone();
        tasks.spawn(async move { bus.execute(Keep(ByteBuf::from([7; 1_000]))).await });
    }
    let mut last = 0;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = other.memory();
        if now > before + 50_000 && now == last {
            break;
        }
        last = now;
    }
    println!("hub with 100,000 commands of 1 KB: {} MB more than {} MB", (last - before) / 1024, before / 1024);
    tasks.abort_all();
}

fn count() -> u64 {
    env::var("COUNT").map_or(300_000, |count| count.parse().unwrap())
}
