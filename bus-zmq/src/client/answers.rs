//! Answers on their way to those who wait for them.

use std::{
    collections::VecDeque,
    iter,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::role::Waiter;
use crate::protocol::Outcome;

/// Answers on their way to those who wait for them. Whoever gets one gives out others: a thread that slept until the first one
/// came would sleep again, and have to be woken again, before the second.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<VecDeque<(Waiter, Outcome)>>);

impl Answers {
    /// Adds answers. Who does so [gives out](Self::give_out) what is left of them.
    pub(super) fn add(&self, answers: Vec<(Waiter, Outcome)>) {
        self.lock().extend(answers);
    }

    /// Gives out what is there now. What is added meanwhile is for the thread that adds it.
    pub(super) fn give_out(&self) {
        let all = self.lock().len();
        for (waiter, outcome) in iter::from_fn(|| self.next()).take(all) {
            // Who does not wait any more does not want it.
            let _ = waiter.answer.send(outcome);
        }
    }

    fn next(&self) -> Option<(Waiter, Outcome)> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Waiter, Outcome)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::{super::room::Room, *};

    async fn waiter() -> (Waiter, oneshot::Receiver<Outcome>) {
        let room = Room::new(1, 1).take(0).await;
        let (answer, outcome) = oneshot::channel();
        (Waiter { answer, _room: room }, outcome)
    }

    #[tokio::test]
    async fn each_gets_its_own_answer_whoever_gives_it_out() {
        let answers = Answers::default();
        let ((first, mut one), (second, mut two)) = (waiter().await, waiter().await);
        answers.add(vec![(first, Outcome::Done([1].into())), (second, Outcome::Done([2].into()))]);
        answers.give_out();
        assert_eq!(one.try_recv().unwrap(), Outcome::Done([1].into()));
        assert_eq!(two.try_recv().unwrap(), Outcome::Done([2].into()));
    }

    #[tokio::test]
    async fn one_who_does_not_wait_any_more_holds_nobody_up() {
        let answers = Answers::default();
        let ((gone, _), (waits, mut outcome)) = (waiter().await, waiter().await);
        answers.add(vec![(gone, Outcome::Lost), (waits, Outcome::Closed)]);
        answers.give_out();
        assert_eq!(outcome.try_recv().unwrap(), Outcome::Closed);
    }
}
