//! A number of permits, given out in the order in which they were asked for. It serves threads and tasks alike.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicIsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::clock::Bell;

/// A number of permits. As long as one is free, taking it and giving it back is one atomic operation each.
///
/// What `balance` and the queue tell each other: whoever takes `balance` from 0 down waits, and whoever takes it up from
/// below 0 has a turn to pass on, to the first in the queue. The two meet under the lock of the queue, in either order:
/// a turn that finds nobody is `owed` to the next who comes. Whoever leaves the queue takes `balance` up by itself, unless
/// all the turns that are waited for are on their way: then the one that was meant for it is `forgone`, and whoever
/// brings it gives it back.
pub(super) struct Gate {
    max_waiting: isize,
    /// How many permits are free; below 0, how many are waited for.
    balance: AtomicIsize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// In the order of their coming.
    waiting: VecDeque<Arc<Ticket>>,
    /// Turns that came before those who wait for them; there are none while somebody is in the queue.
    owed: usize,
    /// Turns on their way to somebody who left.
    forgone: usize,
}

struct Ticket(Mutex<Progress>);

enum Progress {
    Waiting(Waker),
    Called,
}

/// The answer of a [`Gate`].
pub(super) enum Entered<'g> {
    In(Permit<'g>),
    Wait(Turn<'g>),
    /// As many wait as may.
    Full,
}

/// One of the permits of a gate, given back when dropped.
pub(super) struct Permit<'g>(&'g Gate);

/// A place in the queue of a gate, left when dropped.
pub(super) struct Turn<'g> {
    gate: &'g Gate,
    ticket: Arc<Ticket>,
    is_over: bool,
}

impl Gate {
    pub(super) fn new(permits: usize, max_waiting: usize) -> Self {
        let [permits, max_waiting] = [permits, max_waiting].map(|number| isize::try_from(number).unwrap_or(isize::MAX));
        Gate { max_waiting, balance: AtomicIsize::new(permits), queue: Mutex::default() }
    }

    #[inline]
    pub(super) fn enter(&self) -> Entered<'_> {
        let lower = |balance| (balance > -self.max_waiting).then(|| balance - 1);
        match self.balance.fetch_update(Ordering::AcqRel, Ordering::Acquire, lower) {
            Ok(balance) if balance > 0 => Entered::In(Permit(self)),
            Ok(_) => Entered::Wait(self.queue_up()),
            Err(_) => Entered::Full,
        }
    }

    #[cold]
    fn queue_up(&self) -> Turn<'_> {
        let mut queue = self.queue();
        let progress = match queue.owed.checked_sub(1) {
            Some(owed) => {
                queue.owed = owed;
                Progress::Called
            }
            None => Progress::Waiting(Waker::noop().clone()),
        };
        let is_waiting = matches!(progress, Progress::Waiting(_));
        let ticket = Arc::new(Ticket(Mutex::new(progress)));
        if is_waiting {
            queue.waiting.push_back(Arc::clone(&ticket));
        }
        Turn { gate: self, ticket, is_over: false }
    }

    #[inline]
    fn release(&self) {
        if self.balance.fetch_add(1, Ordering::AcqRel) < 0 {
            self.pass_on();
        }
    }

    /// Brings a turn to whoever waits for it.
    #[cold]
    fn pass_on(&self) {
        let mut queue = self.queue();
        if queue.forgone > 0 {
            queue.forgone -= 1;
            drop(queue);
            return self.release();
        }
        match queue.waiting.pop_front() {
            Some(ticket) => {
                drop(queue);
                ticket.call();
            }
            None => queue.owed += 1,
        }
    }

    /// Gives up waiting; a turn that has come already goes on to the next.
    #[cold]
    fn leave(&self, ticket: &Arc<Ticket>) {
        let mut queue = self.queue();
        let Some(place) = queue.waiting.iter().position(|waiting| Arc::ptr_eq(waiting, ticket)) else {
            drop(queue);
            return self.release();
        };
        queue.waiting.remove(place);
        let raise = |balance| (balance < 0).then(|| balance + 1);
        if self.balance.fetch_update(Ordering::AcqRel, Ordering::Acquire, raise).is_err() {
            queue.forgone += 1;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Ticket {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) {
        let progress = std::mem::replace(&mut *self.progress(), Progress::Called);
        if let Progress::Waiting(waker) = progress {
            waker.wake();
        }
    }
}

impl<'g> Future for Turn<'g> {
    type Output = Permit<'g>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Permit<'g>> {
        if let Progress::Waiting(waker) = &mut *self.ticket.progress() {
            waker.clone_from(task.waker());
            return Poll::Pending;
        }
        self.is_over = true;
        Poll::Ready(Permit(self.gate))
    }
}

impl<'g> Turn<'g> {
    /// Blocks this thread until the turn comes, or until `time_left` is nothing; it is asked again after that much time.
    pub(super) fn wait(mut self, time_left: impl Fn() -> Option<Duration>) -> Option<Permit<'g>> {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        loop {
            if let Poll::Ready(permit) = Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                return Some(permit);
            }
            let time_left = time_left();
            if time_left == Some(Duration::ZERO) {
                return None;
            }
            bell.wait(time_left);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.gate.leave(&self.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use super::*;

    fn turn(gate: &Gate) -> Turn<'_> {
        match gate.enter() {
            Entered::Wait(turn) => turn,
            Entered::In(_) => panic!("let in"),
            Entered::Full => panic!("full"),
        }
    }

    fn permit(gate: &Gate) -> Permit<'_> {
        match gate.enter() {
            Entered::In(permit) => permit,
            _ => panic!("not let in"),
        }
    }

    fn is_called(turn: &mut Turn<'_>) -> bool {
        matches!(*turn.ticket.progress(), Progress::Called)
    }

    fn is_as_new(gate: &Gate, permits: isize) -> bool {
        let queue = gate.queue();
        let is_empty = queue.waiting.is_empty() && queue.owed == 0 && queue.forgone == 0;
        is_empty && gate.balance.load(SeqCst) == permits
    }

    #[test]
    fn turns_come_in_order_and_nobody_goes_before_those_who_wait() {
        let gate = Gate::new(1, 3);
        let first = permit(&gate);
        let [mut one, mut two] = [turn(&gate), turn(&gate)];
        drop(first);
        assert!(is_called(&mut one) && !is_called(&mut two));
        let mut three = turn(&gate);
        drop(one);
        assert!(is_called(&mut two) && !is_called(&mut three));
        drop((two, three));
        assert!(is_as_new(&gate, 1));
    }

    #[test]
    fn no_more_wait_than_may() {
        let gate = Gate::new(1, 1);
        let first = permit(&gate);
        let second = turn(&gate);
        assert!(matches!(gate.enter(), Entered::Full));
        drop(second);
        drop(turn(&gate));
        drop(first);
        assert!(is_as_new(&gate, 1));
    }

    #[test]
    fn a_thread_that_is_out_of_time_leaves_the_queue() {
        let gate = Gate::new(1, 1);
        let first = permit(&gate);
        let times = [Some(Duration::from_micros(1)), Some(Duration::ZERO)];
        let asked = AtomicUsize::new(0);
        assert!(turn(&gate).wait(|| times[asked.fetch_add(1, SeqCst)]).is_none());
        assert_eq!(asked.load(SeqCst), 2);
        drop(first);
        assert!(is_as_new(&gate, 1));
    }

    /// A turn that came before its waiter, and one whose waiter left before it came: the two moments that need threads.
    #[test]
    fn a_turn_on_its_way_is_neither_lost_nor_doubled() {
        let gate = Gate::new(1, 9);
        // The release has begun, and its turn is on its way to one who leaves.
        std::mem::forget(permit(&gate));
        let lone = turn(&gate);
        assert_eq!(gate.balance.fetch_add(1, SeqCst), -1);
        drop(lone);
        assert_eq!(gate.queue().forgone, 1);
        gate.pass_on();
        assert!(is_as_new(&gate, 1));
        // A turn comes before its waiter queues up.
        std::mem::forget(permit(&gate));
        assert_eq!(gate.balance.fetch_sub(1, SeqCst), 0);
        gate.release();
        assert_eq!(gate.queue().owed, 1);
        let mut late = gate.queue_up();
        assert!(is_called(&mut late));
        drop(late);
        assert!(is_as_new(&gate, 1));
    }

    #[test]
    fn a_storm_of_threads_some_of_which_give_up_leaves_the_gate_as_it_was() {
        const THREADS: usize = 8;
        let rounds = if cfg!(miri) { 20 } else { 20_000 };
        let gate = Gate::new(2, 5);
        let (inside, most, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let pass = |permit: Permit<'_>| {
            most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            inside.fetch_sub(1, SeqCst);
            drop(permit);
        };
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (gate, pass, refused) = (&gate, &pass, &refused);
                scope.spawn(move || {
                    for round in 0..rounds {
                        match gate.enter() {
                            Entered::In(permit) => pass(permit),
                            Entered::Wait(turn) if (round + thread) % 3 == 0 => drop(turn),
                            Entered::Wait(turn) => pass(turn.wait(|| None).expect("no time was set")),
                            Entered::Full => drop(refused.fetch_add(1, SeqCst)),
                        }
                    }
                });
            }
        });
        assert!(is_as_new(&gate, 2));
        assert!((1..=2).contains(&most.load(SeqCst)));
    }
}
