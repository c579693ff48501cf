//! Numbers come out of recordings and dead letters as they went in, to the last digit.
#![cfg(feature = "file-store")]

#[path = "support/folder.rs"]
mod folder;

use std::{
    io,
    sync::{Arc, Mutex},
};

use fastrand::Rng;
use linkbus::{
    Command, Query, SyncBus,
    layer::{
        DeadLetters,
        dead_letter::{self, FileStore},
    },
    recording::{JsonLineStore, Recording, Replay},
};
use serde::{Deserialize, Serialize};

use self::folder::Folder;

const MESSAGES: usize = 2_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Numbers {
    long: f64,
    short: f32,
    whole: u128,
}

impl Numbers {
    /// Of any magnitude; JSON has no form for what is no number and for what has no end.
    fn any(random: &mut Rng) -> Self {
        Numbers {
            long: std::iter::repeat_with(|| f64::from_bits(random.u64(..))).find(|it| it.is_finite()).unwrap(),
            short: std::iter::repeat_with(|| f32::from_bits(random.u32(..))).find(|it| it.is_finite()).unwrap(),
            whole: random.u128(..),
        }
    }

    fn many() -> Vec<Self> {
        let mut random = Rng::with_seed(1);
        (0..MESSAGES).map(|_| Numbers::any(&mut random)).collect()
    }
}

#[derive(Query, Clone, Serialize, Deserialize)]
#[query(reply = Numbers)]
struct Echo(Numbers);

#[derive(Command, Clone, Serialize, Deserialize)]
#[command(error = io::Error)]
struct Note(Numbers);

#[test]
fn numbers_of_a_file_are_replayed_as_they_were_recorded() {
    let (folder, sent) = (Folder::new(), Numbers::many());
    let store = Arc::new(JsonLineStore::open(folder.path()).unwrap());
    let bus = SyncBus::empty().query(|echo: Echo| echo.0).layer(Recording::new(store.clone())).build().unwrap();
    for numbers in &sent {
        bus.send(Echo(numbers.clone())).unwrap();
    }
    bus.close().unwrap();

    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&seen);
    let echo = move |echo: Echo| {
        watch.lock().unwrap().push(echo.0.clone());
        echo.0
    };
    let bus = SyncBus::empty().query(echo).replayable().build().unwrap();
    Replay::new(&bus).run_file(store.path()).unwrap().assert_same();
    assert_eq!(*seen.lock().unwrap(), sent);
}

#[test]
fn a_number_that_differs_in_its_last_digit_is_told() {
    let folder = Folder::new();
    let store = Arc::new(JsonLineStore::open(folder.path()).unwrap());
    let bus = SyncBus::empty().query(|echo: Echo| echo.0).layer(Recording::new(store.clone())).build().unwrap();
    bus.send(Echo(Numbers { long: 0.1, short: 0.1, whole: u128::MAX })).unwrap();
    bus.close().unwrap();
    let next = |Echo(Numbers { long, short, whole }): Echo| Numbers {
        long: long.next_up(),
        short: short.next_up(),
        whole: whole - 1,
    };
    let bus = SyncBus::empty().query(next).replayable().build().unwrap();
    let report = Replay::new(&bus).run_file(store.path()).unwrap().to_string();
    for told in [
        "at /long is 0.10000000000000002, and was 0.1;",
        "at /short is 0.10000001, and was 0.1;",
        "at /whole is 340282366920938463463374607431768211454, and was 340282366920938463463374607431768211455",
    ] {
        assert!(report.contains(told), "{report}");
    }
}

#[test]
fn numbers_of_a_dead_letter_are_tried_again_as_they_were_lost() {
    let (folder, sent) = (Folder::new(), Numbers::many());
    let letters = DeadLetters::new(FileStore::open(folder.path()).unwrap());
    let bus = SyncBus::empty()
        .command(|_: Note| Err(io::Error::other("the pen is dry")))
        .layer(letters.clone())
        .build()
        .unwrap();
    for numbers in &sent {
        bus.execute(Note(numbers.clone())).unwrap_err();
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = Arc::clone(&seen);
    let note = move |note: Note| watch.lock().unwrap().push(note.0);
    let bus = SyncBus::empty().command(note).layer(letters.clone()).build().unwrap();
    dead_letter::Replay::new(letters.store(), &bus).all(&dead_letter::Filter::any()).unwrap();
    assert_eq!(*seen.lock().unwrap(), sent);
}
