//! Events: a hub and a publisher in one process, each subscriber in another.

use std::{
    fs,
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bus_zmq::{WorkerHandle, Zmq};
use linkbus::{Bus, transport::Endpoint};

use crate::{
    Happened, all, body, endpoint,
    process::{Other, Usage},
};

const COUNT: u64 = 500_000;

/// What a subscriber counted: what it heard, and what it missed.
type Counted = (u64, u64);

pub(crate) async fn subscribe(folder: &str) {
    let heard = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&heard);
    let bus = Bus::empty().replayable().subscribe(move |_: &Happened| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let bus = Endpoint::new(&bus.build().unwrap()).unwrap();
    let worker = Zmq::worker().endpoint(endpoint(folder)).event_credit(4096).connect(bus).unwrap();
    let report = Path::new(folder).join(format!("heard-{}", process::id()));
    tokio::spawn(tell(report.to_str().unwrap().to_owned(), heard, worker.handle()));
    worker.run().await.unwrap();
}

/// Writes down what was counted, now and then.
async fn tell(file: String, heard: Arc<AtomicU64>, worker: WorkerHandle) {
    loop {
        // The count first: what was missed before it is in the second number.
        let (heard, missed) = (heard.load(Ordering::Relaxed), worker.stats().missed_events);
        fs::write(format!("{file}.new"), format!("{heard} {missed}")).unwrap();
        fs::rename(format!("{file}.new"), &file).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn counted(folder: &str, subscribers: &[Other]) -> Vec<Counted> {
    let files = subscribers.iter().map(|other| fs::read_to_string(format!("{folder}/heard-{}", other.id())));
    let numbers = |file: String| {
        let (heard, missed) = file.split_once(' ')?;
        Some((heard.parse().ok()?, missed.parse().ok()?))
    };
    files.map(|file| file.ok().and_then(numbers).unwrap_or_default()).collect()
}

pub(crate) async fn events(folder: &str, subscribers: usize) {
    let hub = Zmq::hub().endpoint(endpoint(folder)).event_queue(100_000, 64 << 20).start().unwrap();
    let client = Zmq::client().in_flight(200_000).join(&hub).unwrap();
    let bus = Bus::empty().message::<Happened>().transport(client).build().unwrap();
    let others: Vec<_> = (0..subscribers).map(|_| Other::start("subscriber", folder)).collect();
    // Until all have heard something: then all are there.
    while counted(folder, &others).iter().any(|(heard, _)| *heard == 0) {
        bus.publish(Happened(body())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = counted(folder, &others);
    let (begun, usage) = (Instant::now(), Usage::begin(&others));
    let sender = bus.clone();
    let count = all(256, COUNT, move || {
        let bus = sender.clone();
        async move { bus.publish(Happened(body())).await.unwrap() }
    })
    .await;
    let published = usage.rate(count);
    let since = || {
        let now = counted(folder, &others);
        now.iter().zip(&before).map(|(now, before)| (now.0 - before.0, now.1 - before.1)).collect::<Vec<_>>()
    };
    while since().iter().any(|(heard, missed)| heard + missed < count) && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (heard, missed) = since().iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let delivered = usage.rate(heard / others.len() as u64);
    println!(
        "  events to {subscribers}: published {published:.0}/s, delivered {delivered:.0}/s to each, {missed} missed; {}",
        usage.of_each(count)
    );
    hub.close().await;
}
