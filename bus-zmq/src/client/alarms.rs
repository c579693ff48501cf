//! Who has to be woken, and when.

use std::{collections::BTreeMap, time::Duration};

use tokio::sync::oneshot;

/// How many alarms are kept before those are looked for that nobody waits for.
const FEW: usize = 64;

/// Alarms, each to be rung at its time. There are at most twice as many as are waited for, or a few.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    set: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    last: u64,
    /// How many there may be before the list is tidied up.
    many: usize,
}

impl Alarms {
    pub(super) fn set(&mut self, at: Duration, alarm: oneshot::Sender<()>) {
        if self.set.len() >= self.many {
            self.set.retain(|_, alarm| !alarm.is_closed());
            self.many = FEW + 2 * self.set.len();
        }
        self.last += 1;
        self.set.insert((at, self.last), alarm);
    }

    pub(super) fn ring(&mut self, now: Duration) {
        while let Some(due) = self.set.first_entry().filter(|due| due.key().0 <= now) {
            // Who does not wait any more does not hear it.
            let _ = due.remove().send(());
        }
    }

    /// When the next one has to be rung.
    pub(super) fn next(&self) -> Duration {
        self.set.first_key_value().map_or(Duration::MAX, |((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    #[test]
    fn an_alarm_rings_at_its_time() {
        let mut alarms = Alarms::default();
        let (ring, mut alarm) = oneshot::channel();
        alarms.set(SOON, ring);
        alarms.ring(SOON / 2);
        assert_eq!((alarm.try_recv().is_ok(), alarms.next()), (false, SOON));
        alarms.ring(SOON);
        assert_eq!((alarm.try_recv().is_ok(), alarms.next()), (true, Duration::MAX));
    }

    #[test]
    fn what_nobody_waits_for_is_not_kept() {
        let mut alarms = Alarms::default();
        let (ring, _waits) = oneshot::channel();
        alarms.set(SOON, ring);
        for _ in 0..10 * FEW {
            alarms.set(SOON, oneshot::channel().0);
        }
        assert!(alarms.set.len() <= 2 * FEW, "{}", alarms.set.len());
    }
}
