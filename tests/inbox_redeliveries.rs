//! R16: what comes several times from a transport is done once.

#[path = "support/redeliveries.rs"]
mod redeliveries;

use std::time::{Duration, SystemTime};

use linkbus::{
    Bus, Task, Uuid,
    layer::{Inbox, inbox::MemoryInbox},
    transport::{Answer, Endpoint, Envelope, Parcel},
};
use serde::{Deserialize, Serialize};

use redeliveries::{Ledger, deliver, shuffled};

const MESSAGES: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_are_as_many_as_messages_however_often_they_come() {
    let (ledger, store, parcels) = (Ledger::new(MESSAGES), MemoryInbox::new(), shuffled(MESSAGES));
    let inbox = Inbox::new(store.clone());
    let copies = parcels.len() - MESSAGES;
    // Two buses, as of a program that builds another one.
    let endpoints = [ledger.endpoint(inbox.clone()), ledger.endpoint(inbox.clone())];
    deliver(parcels, &endpoints).await;
    ledger.assert_once();
    let counts = inbox.counts();
    assert_eq!((counts.handled(), counts.duplicates()), (MESSAGES as u64, copies as u64));
    assert_eq!((store.len(), store.evicted()), (MESSAGES, 0));
    println!("{copies} copies, {} waited", counts.waited());
}

#[derive(Task, Serialize, Deserialize)]
#[task(name = "redeliveries.Tick")]
struct Tick;

/// The envelope of a message that was sent then.
fn sent_at(time: SystemTime) -> Envelope {
    let millis = u64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let mut envelope = Envelope::of::<Tick>();
    let mut id = envelope.id.into_bytes();
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    envelope.id = Uuid::from_bytes(id);
    envelope
}

/// R16: an expired window is reported.
#[tokio::test]
async fn what_is_older_than_the_window_is_handled_and_counted() {
    let hour = Duration::from_secs(3600);
    let inbox = Inbox::new(MemoryInbox::new().with_window(hour));
    let bus = Bus::empty().task(|_: Tick| ()).layer(inbox.clone()).replayable().build().unwrap();
    let endpoint = Endpoint::new(&bus).unwrap();
    for (age, too_old) in [(hour / 2, 0), (2 * hour, 1)] {
        let envelope = sent_at(SystemTime::now() - age);
        let parcel = Parcel { envelope, body: vec![0xc0] };
        assert!(matches!(endpoint.deliver(parcel).await, Answer::Done(_)));
        assert_eq!(inbox.counts().too_old(), too_old);
    }
    assert_eq!(inbox.counts().handled(), 2);
}
