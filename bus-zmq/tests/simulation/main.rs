//! Hub, clients and workers in one thread, in which everything goes wrong that can: R20.
//!
//! `LINKBUS_SEEDS=100000 cargo test -p bus-zmq --test simulation` tries more; `LINKBUS_SEED=17` one of them.

mod ledger;
mod world;

use self::world::{Faults, World};

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match number("LINKBUS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LINKBUS_SEEDS").unwrap_or(1_000),
    }
}

#[test]
fn whatever_happens_to_workers_and_connections_nothing_accepted_is_lost() {
    let mut total = ledger::Summary::default();
    for seed in seeds() {
        let mut world = World::new(seed, Faults::ALL);
        world.run();
        total += world.check(&format!("seed {seed}"));
    }
    println!("{total:?}");
    assert!(total.commands > 0 && total.duplicates > 0 && total.lost_queries > 0, "the faults do something: {total:?}");
    assert!(total.stale > 0 && total.missed_events > 0, "the faults do something: {total:?}");
    assert!(total.doubtful > 0, "the faults do something: {total:?}");
}

#[test]
fn without_faults_each_message_is_handled_once() {
    for seed in seeds().take(50) {
        let mut world = World::new(seed, Faults::NONE);
        world.run();
        let summary = world.check(&format!("seed {seed}"));
        assert_eq!((summary.duplicates, summary.lost_queries, summary.interruptions), (0, 0, 0), "seed {seed}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let hash = |seed| {
        let mut world = World::new(seed, Faults::ALL);
        world.run();
        world.hash()
    };
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
}
