//! New ids: UUIDs version 7, as RFC 9562 lays them out.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use uuid::{Builder, Uuid};

/// How many bits count the ids of one millisecond: 12 in `rand_a`, and the first 6 of `rand_b`.
const COUNTED: u32 = 18;

/// The milliseconds and the counter of the last id.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A new id, greater than all that this process had before, whatever the clock does (RFC 9562, 6.2, method 1).
///
/// The crate's own would ask the system for random bits each time, which takes longer than the dispatch that the id is for.
/// So an id is unique, and is no secret.
pub(crate) fn new() -> Uuid {
    new_at(SystemTime::now())
}

/// The same for one who has just looked at the clock.
pub(crate) fn new_at(now: SystemTime) -> Uuid {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or_default();
    let random = fastrand::u64(..);
    // It begins anywhere in the lower half, so that there are as many ids left in this millisecond. If they do not do, the
    // ids run ahead of the clock.
    let begun = (millis << COUNTED) | (random & ((1 << (COUNTED - 1)) - 1));
    let next = |last: u64| Some(begun.max(last + 1));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
    laid_out(begun.max(last + 1), fastrand::u64(..))
}

fn laid_out(counted: u64, random: u64) -> Uuid {
    let in_millisecond = counted & ((1 << COUNTED) - 1);
    let mut behind = [0; 10];
    // The first four bits and the first two of the third byte are not ours.
    behind[..2].copy_from_slice(&u16::to_be_bytes(u16::try_from(in_millisecond >> 6).unwrap_or_default()));
    behind[2..].copy_from_slice(&random.to_be_bytes());
    behind[2] = u8::try_from(in_millisecond & 0x3f).unwrap_or_default();
    Builder::from_unix_timestamp_millis(counted >> COUNTED, &behind).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn each_is_greater_than_the_last_of_its_thread_and_none_is_drawn_twice() {
        let draw = || {
            let ids: Vec<Uuid> = (0..20_000).map(|_| new()).collect();
            assert!(ids.is_sorted());
            ids
        };
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(draw)).collect();
        let ids: HashSet<Uuid> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 4 * 20_000);
    }

    #[test]
    fn an_id_says_when_it_was_drawn() {
        let seconds = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let (before, id, after) = (seconds(), new(), seconds());
        let (drawn, _) = id.get_timestamp().unwrap().to_unix();
        // The ids of the other test may have run ahead by some milliseconds.
        assert!((before..=after + 1).contains(&drawn), "{before} {drawn} {after}");
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
    }

    #[test]
    fn what_is_counted_sorts_before_what_is_random() {
        let counted = (1_700_000_000_000 << COUNTED) | ((1 << COUNTED) - 2);
        let ids = [laid_out(counted, u64::MAX), laid_out(counted + 1, 0), laid_out(counted + 2, 7)];
        assert!(ids.is_sorted() && ids[0] != ids[1]);
        assert_eq!(ids[1].to_string(), "018bcfe5-6800-7fff-bf00-000000000000");
    }
}
