//! R16: what comes several times from a transport is done once.

#[path = "support/redeliveries.rs"]
mod redeliveries;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use linkbus::{
    Bus, Event, SyncBus, Task, Uuid,
    layer::{
        DeadLetters, Inbox,
        dead_letter::{Filter, Replay},
        inbox::MemoryInbox,
    },
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

#[derive(Event, Serialize, Deserialize)]
#[event(name = "redeliveries.Rang")]
struct Rang;

/// How often each of three subscribers was called, of which the second fails at first.
#[derive(Clone, Default)]
struct Ears(Arc<[AtomicU32; 3]>);

impl Ears {
    fn hear(&self, ear: usize) -> Result<(), &'static str> {
        let is_first = self.0[ear].fetch_add(1, SeqCst) == 0;
        if ear == 1 && is_first { Err("deaf") } else { Ok(()) }
    }

    fn heard(&self) -> [u32; 3] {
        [0, 1, 2].map(|ear| self.0[ear].load(SeqCst))
    }

    fn subscriber(&self, ear: usize) -> impl Fn(&Rang) -> Result<(), &'static str> + Send + Sync + 'static {
        let ears = self.clone();
        move |_| ears.hear(ear)
    }

    fn on_bus(&self, inbox: Inbox) -> Bus {
        let last = self.clone();
        let last = move |_: &Rang| {
            let last = last.clone();
            async move { last.hear(2) }
        };
        let bus = Bus::empty().subscribe(self.subscriber(0)).subscribe(self.subscriber(1)).subscribe_async(last);
        bus.layer(inbox).replayable().build().unwrap()
    }
}

fn rang() -> Parcel {
    Parcel { envelope: Envelope::of::<Rang>(), body: vec![0xc0] }
}

#[tokio::test]
async fn a_subscriber_that_has_succeeded_is_not_called_again_because_another_failed() {
    let (ears, inbox) = (Ears::default(), Inbox::in_memory().with_events());
    let endpoint = Endpoint::new(&ears.on_bus(inbox.clone())).unwrap();
    let parcel = rang();
    let Answer::Failed(error) = endpoint.deliver(parcel.clone()).await else { panic!("one of them fails") };
    assert!(error.to_string().contains("Ears::subscriber"), "{error}");
    assert_eq!(ears.heard(), [1, 1, 1], "one that fails does not stop the others");
    assert!(matches!(endpoint.deliver(parcel.clone()).await, Answer::Done(_)));
    assert!(matches!(endpoint.deliver(parcel).await, Answer::Done(_)));
    assert_eq!(ears.heard(), [1, 2, 1]);
    assert_eq!((inbox.counts().handled(), inbox.counts().duplicates()), (3, 5));
    assert!(matches!(endpoint.deliver(rang()).await, Answer::Done(_)));
    assert_eq!(ears.heard(), [2, 3, 2], "another event is not a copy");
}

#[tokio::test]
async fn events_are_not_looked_at_unless_that_is_asked_for() {
    let (ears, inbox) = (Ears::default(), Inbox::in_memory());
    let endpoint = Endpoint::new(&ears.on_bus(inbox.clone())).unwrap();
    let parcel = rang();
    endpoint.deliver(parcel.clone()).await;
    endpoint.deliver(parcel).await;
    assert_eq!((ears.heard(), inbox.counts().handled()), ([2, 2, 2], 0));
}

/// It may have to go to transports, too, once.
#[tokio::test]
async fn what_is_published_here_is_published_as_without() {
    let (ears, inbox) = (Ears::default(), Inbox::in_memory().with_events().key(|_: &Rang| "the same"));
    let bus = ears.on_bus(inbox.clone());
    bus.publish(Rang).await.unwrap_err();
    bus.publish(Rang).await.unwrap();
    assert_eq!((ears.heard(), inbox.counts().handled()), ([2, 2, 2], 0));
}

#[tokio::test]
async fn a_subscriber_that_is_not_let_in_is_one_that_failed() {
    let (ears, inbox) = (Ears::default(), Inbox::in_memory().with_events().key(|_: &Rang| "7".repeat(1_000)));
    let endpoint = Endpoint::new(&ears.on_bus(inbox.clone())).unwrap();
    let Answer::Failed(error) = endpoint.deliver(rang()).await else { panic!("no key is short enough") };
    assert!(error.to_string().contains("3 subscribers"), "{error}");
    assert_eq!((ears.heard(), inbox.counts().refused()), ([0; 3], 3));
}

#[test]
fn a_letter_of_a_subscriber_is_replayed_to_it_once() {
    let (ears, inbox, letters) = (Ears::default(), Inbox::in_memory().with_events(), DeadLetters::in_memory());
    let bus = SyncBus::empty().subscribe(ears.subscriber(0)).subscribe(ears.subscriber(1));
    let bus = bus.layer(letters.clone()).layer(inbox.clone()).build().unwrap();
    bus.publish(Rang).unwrap_err();
    let letter = letters.store().list(&Filter::any(), 1).unwrap().remove(0);
    for _ in 0..2 {
        letters.store().append(letter.clone()).unwrap();
        let report = Replay::new(letters.store(), &bus).all(&Filter::any()).unwrap();
        assert!(report.handled() > 0, "{report:?}");
    }
    assert_eq!((ears.heard(), inbox.counts().handled()), ([1, 2, 0], 1));
}
