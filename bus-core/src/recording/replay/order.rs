//! Records in the order in which their dispatches began, as far as that can be had from the order in which they ended; and
//! each dispatch once.

use std::{
    collections::{BTreeMap, HashMap},
    time::SystemTime,
};

use uuid::Uuid;

use super::super::Record;

/// How many records are held back, in case one comes that began before them or is of the same dispatch.
const WINDOW: usize = 1024;

pub(super) struct InOrder<I> {
    records: I,
    /// By when they began; those that began together, by when they came.
    held: BTreeMap<Place, Record>,
    /// Where the record of a dispatch is.
    places: HashMap<Uuid, Place>,
    came: u64,
}

type Place = (SystemTime, u64);

impl<I: Iterator<Item = Record>> InOrder<I> {
    pub(super) fn new(records: I) -> Self {
        InOrder { records, held: BTreeMap::new(), places: HashMap::new(), came: 0 }
    }

    /// Of several attempts of a dispatch the last is held, where the first began.
    fn hold(&mut self, record: Record) {
        self.came += 1;
        let new = (record.at, self.came);
        // What py-message-bus wrote has no ids.
        let place = if record.id.is_nil() { new } else { *self.places.entry(record.id).or_insert(new) };
        match self.held.get(&place) {
            Some(held) if held.attempt > record.attempt => {}
            _ => _ = self.held.insert(place, record),
        }
    }
}

impl<I: Iterator<Item = Record>> Iterator for InOrder<I> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.held.len() < WINDOW {
            let Some(record) = self.records.next() else { break };
            self.hold(record);
        }
        let (_, record) = self.held.pop_first()?;
        self.places.remove(&record.id);
        Some(record)
    }
}

#[cfg(all(test, feature = "file-store"))]
mod tests {
    use super::*;

    fn attempt(number: u32) -> Record {
        let id = "01977e3f-0000-7000-8000-000000000001";
        let line = format!(
            r#"{{"ts":"2026-11-25T16:00:0{number}Z","type":"command","class":"Pay","payload":null,"duration_ns":1,"result":null,"error":null,"v":1,"message":"shop.Pay","outcome":"succeeded","id":"{id}","correlation_id":"{id}","attempt":{number}}}"#
        );
        Record::from_line(&line).unwrap()
    }

    /// An attempt that was cut off may end after the one that was begun instead of it.
    #[test]
    fn the_last_attempt_is_the_one_with_the_highest_number_whenever_it_ended() {
        for numbers in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
            let left: Vec<_> = InOrder::new(numbers.map(attempt).into_iter()).map(|record| record.attempt).collect();
            assert_eq!(left, [3], "{numbers:?}");
        }
    }
}
