//! R5: a disk that fails in the middle of a batch, that stays broken, or that hangs.

use super::*;

fn full() -> Faults {
    Faults { error: Some(io::ErrorKind::StorageFull), ..Faults::default() }
}

#[test]
fn a_flush_is_not_answered_before_what_was_given_back_is_written() {
    let mut bench = Bench::open(&SimDisk::new(), JsonLineStore::options().queue_records(20)).unwrap();
    (0..10).for_each(|number| bench.store.append(record(number, 100_000)).unwrap());
    let asked = bench.store.queue.ask().unwrap();
    assert_eq!(bench.writer.turn(), Turn::Goes, "three of ten");
    bench.disk.set(full());
    assert_eq!(bench.writer.turn(), Turn::Fails, "three are tried again, four given back");
    bench.disk.set(Faults::default());
    assert_eq!([bench.writer.turn(), bench.writer.turn()], [Turn::Goes; 2]);
    let answered = bench.store.queue.answered(asked, Duration::ZERO);
    assert!(matches!(answered, Err(StoreError::OutOfTime { unwritten: 1, .. })), "{answered:?}");
    bench.write();
    bench.store.queue.answered(asked, Duration::ZERO).unwrap();
    assert_eq!(bench.lines(), (0..10).map(Ok).collect::<Vec<_>>());
}

#[test]
fn what_is_unwritten_when_the_writer_ends_is_counted_as_dropped() {
    let mut bench = Bench::open(&SimDisk::new(), small()).unwrap();
    bench.disk.set(full());
    bench.append(0..3);
    assert_eq!(bench.write(), Turn::Fails);
    bench.append(3..5);
    bench.store.queue.close();
    bench.store.queue.give_up();
    let Bench { store, writer, .. } = bench;
    writer.run();
    let health = store.health();
    assert_eq!((health.written, health.dropped, health.queued), (0, 5, 0));
}

/// It would hang if a caller waited for the disk, or for a place.
#[test]
fn appending_goes_on_while_a_write_hangs() {
    let disk = SimDisk::new();
    let (store, writer) = small().parts(Path::new(""), Arc::new(disk.clone())).unwrap();
    let store = store.start(writer).unwrap();
    let gate = disk.gate();
    let hangs = gate.lock().unwrap();
    store.append(record(0, 0)).unwrap();
    until(|| disk.state().writes_begun == 1);
    (1..=20).for_each(|number| store.append(record(number, 0)).unwrap());
    let health = store.health();
    assert_eq!((health.written, health.dropped, health.queued), (0, 15, 6), "one is in hand, five wait");
    drop(hangs);
    store.close().unwrap();
    let health = store.health();
    assert_eq!((health.written, health.dropped, health.queued), (6, 15, 0));
}
