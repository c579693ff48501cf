//! What messages between two processes cost, beside what raw ZeroMQ costs: `cargo run --release -p bus-zmq --example bench`.
//!
//! The program starts itself as the other process. `ROUNDS=3` says how often all is measured, and `PARTS=queries,commands` what.

mod events;
mod process;

use std::{
    env,
    time::{Duration, Instant},
};

use bus_zmq::{NoWorker, Zmq, ZmqClient};
use linkbus::{Bus, Command, Event, Query, transport::Endpoint};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::task::JoinSet;

use self::process::{Other, Usage, cpu};

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
        "subscriber" => runtime().block_on(events::subscribe(folder)),
        _ => runtime().block_on(serve(role, folder)),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn endpoint(folder: &str) -> String {
    format!("ipc://{folder}/run/bus")
}

/// Hub and worker in one process, or a hub alone.
async fn serve(role: &str, folder: &str) {
    let hub = Zmq::hub().endpoint(endpoint(folder)).no_worker(NoWorker::Queue).start().unwrap();
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
            runtime().block_on(queries(folder, &other, raw_p50, raw_rate));
        }
        if is_wanted("commands") {
            let other = Other::start("server", folder);
            runtime().block_on(commands(folder, &other));
        }
        if is_wanted("events") {
            for subscribers in [1, 4] {
                runtime().block_on(events::events(folder, subscribers));
            }
        }
    }
    if is_wanted("idle") {
        idle(folder);
    }
    if is_wanted("memory") {
        runtime().block_on(memory(folder));
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
    let usage = Usage::begin([&other]);
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
    let rate = usage.rate(count);
    println!("  raw ZeroMQ: p50 {p50:?}, {rate:.0}/s with 64 in flight; {}", usage.of_each(count));
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
    let known = Bus::empty().message::<Echo>().message::<Do>().message::<Keep>();
    (known.transport(client.clone()).build().unwrap(), client)
}

/// Does `one` so many times at once, until about `count` are done; gives how many.
async fn all<F: Future<Output = ()> + Send + 'static>(
    at_once: u64,
    count: u64,
    one: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> u64 {
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
    count / at_once * at_once
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
    let usage = Usage::begin([other]);
    let count = all(64, 300_000, move || {
        let bus = bus.clone();
        async move { assert_eq!(bus.send(Echo(body())).await.unwrap(), body()) }
    })
    .await;
    let rate = usage.rate(count);
    println!("  queries, 64 in flight: {rate:.0}/s, {:.0} % of raw; {}", 100.0 * rate / raw_rate, usage.of_each(count));
}

async fn commands(folder: &str, other: &Other) {
    let (bus, _) = bus(folder, &["bench.Do"]).await;
    let usage = Usage::begin([other]);
    let count = all(256, 300_000, move || {
        let bus = bus.clone();
        async move { bus.execute(Do(body())).await.unwrap() }
    })
    .await;
    println!("  commands acknowledged: {:.0}/s; {}", usage.rate(count), usage.of_each(count));
}

/// Hub and worker in one process and a client in another, without anything to do.
fn idle(folder: &str) {
    let other = Other::start("server", folder);
    let runtime = runtime();
    let _client = runtime.block_on(bus(folder, &["bench.Echo"]));
    std::thread::sleep(Duration::from_secs(1));
    let (there, here, begun) = (cpu(other.id()), cpu(std::process::id()), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let share = |used: Duration| 100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64();
    let here = cpu(std::process::id()).saturating_sub(here);
    println!("idle: {:.2} % of a core there, {:.2} % here", share(cpu(other.id()).saturating_sub(there)), share(here));
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
