//! A limit that runs beside something that is polled.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crate::clock::Clock;

/// The end of a time, which is waited for only when what it limits waits.
pub(super) struct Expiry<'a> {
    clock: &'a Clock,
    /// `None` if it is too far away for the clock: then it never comes.
    deadline: Option<Instant>,
    alarm: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<'a> Expiry<'a> {
    pub(super) fn after(duration: Duration, clock: &'a Clock) -> Self {
        Expiry { clock, deadline: clock.now().checked_add(duration), alarm: None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        self.alarm.get_or_insert_with(|| self.clock.alarm(deadline)).as_mut().poll(task)
    }
}
