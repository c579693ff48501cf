//! What is dropped is logged, and not each by itself.

use std::time::Duration;

/// How long after one line there is no other.
const PAUSE: Duration = Duration::from_secs(1);

/// Says when it is time to log what was dropped.
#[derive(Default)]
pub(crate) struct Drops {
    logged: u64,
    quiet_until: Duration,
}

impl Drops {
    /// How many there are that were not logged, of so many in all, if there are any and it is time.
    pub(crate) fn unlogged(&mut self, dropped: u64, now: Duration) -> Option<u64> {
        let new = dropped.saturating_sub(self.logged);
        if new == 0 || now < self.quiet_until {
            return None;
        }
        (self.logged, self.quiet_until) = (dropped, now.saturating_add(PAUSE));
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_dropped_is_logged_and_no_more_than_once_in_a_while() {
        let mut drops = Drops::default();
        let logged = [(0, 0), (3, 0), (5, 1), (9, 2), (9, 9), (10, 9)]
            .map(|(dropped, half)| drops.unlogged(dropped, PAUSE / 2 * half));
        assert_eq!(logged, [None, Some(3), None, Some(6), None, Some(1)]);
    }
}
