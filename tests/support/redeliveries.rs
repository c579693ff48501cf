//! R16: messages that come once to three times, in any order, at once, and on both sides of a restart.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst},
};

use linkbus::{
    Bus, Command,
    layer::Inbox,
    transport::{Answer, Body, Codec, Endpoint, Envelope, MessagePack, Parcel},
};
use serde::{Deserialize, Serialize};

/// How many are under way at once.
const IN_FLIGHT: usize = 64;

#[derive(Command, Serialize, Deserialize)]
#[command(name = "redeliveries.Count")]
struct Count(usize);

/// What was done for one message.
#[derive(Default)]
struct Done {
    effects: AtomicU32,
    attempts: AtomicU32,
    is_running: AtomicBool,
}

/// What was done for all messages, whoever did it.
pub(crate) struct Ledger {
    messages: Vec<Done>,
    /// How often two copies of a message ran together.
    together: AtomicU32,
}

impl Ledger {
    pub(crate) fn new(messages: usize) -> Arc<Self> {
        let messages = (0..messages).map(|_| Done::default()).collect();
        Arc::new(Ledger { messages, together: AtomicU32::new(0) })
    }

    /// Each message was done once, and never by two at once.
    #[track_caller]
    pub(crate) fn assert_once(&self) {
        let wrong = self.messages.iter().filter(|done| done.effects.load(SeqCst) != 1).count();
        assert_eq!((wrong, self.together.load(SeqCst)), (0, 0), "not done once, and done together");
    }

    /// Handles it; every seventh message fails at first.
    async fn handle(&self, number: usize) -> Result<(), &'static str> {
        let done = &self.messages[number];
        if done.is_running.swap(true, SeqCst) {
            self.together.fetch_add(1, SeqCst);
        }
        tokio::task::yield_now().await;
        let fails = number.is_multiple_of(7) && done.attempts.fetch_add(1, SeqCst) == 0;
        if !fails {
            done.effects.fetch_add(1, SeqCst);
        }
        done.is_running.store(false, SeqCst);
        if fails { Err("the first attempt") } else { Ok(()) }
    }

    /// Where the messages arrive.
    pub(crate) fn endpoint(self: &Arc<Self>, inbox: Inbox) -> Endpoint {
        let ledger = Arc::clone(self);
        let handle = move |Count(number): Count| {
            let ledger = Arc::clone(&ledger);
            async move { ledger.handle(number).await }
        };
        Endpoint::new(&Bus::empty().command_async(handle).layer(inbox).replayable().build().unwrap()).unwrap()
    }
}

/// All deliveries: of each message one to three, in any order.
pub(crate) fn shuffled(messages: usize) -> Vec<Parcel> {
    let mut random = fastrand::Rng::with_seed(16);
    let mut parcels: Vec<_> = (0..messages).map(parcel).flat_map(|it| vec![it; random.usize(1..=3)]).collect();
    random.shuffle(&mut parcels);
    parcels
}

fn parcel(number: usize) -> Parcel {
    let mut body = Vec::new();
    MessagePack.write(Body::new(&Count(number)), &mut body).unwrap();
    Parcel { envelope: Envelope::of::<Count>(), body }
}

/// Delivers each parcel, to the endpoints in turn, and again until it is handled.
pub(crate) async fn deliver(parcels: Vec<Parcel>, endpoints: &[Endpoint]) {
    let (parcels, next) = (Arc::new(parcels), Arc::new(AtomicUsize::new(0)));
    let mut carriers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (parcels, next, endpoints) = (Arc::clone(&parcels), Arc::clone(&next), endpoints.to_vec());
        carriers.spawn(async move {
            loop {
                let turn = next.fetch_add(1, SeqCst);
                let Some(parcel) = parcels.get(turn) else { return };
                while !matches!(endpoints[turn % endpoints.len()].deliver(parcel.clone()).await, Answer::Done(_)) {}
            }
        });
    }
    carriers.join_all().await;
}
