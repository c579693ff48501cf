//! Threads for calls that may be left behind: at most so many, with a bounded queue before them.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::log;
use crate::caught::caught;

/// What a thread is to do; it may say that it is as good as done, before it tells whoever waits for it.
pub(super) type Job = Box<dyn FnOnce(&mut Release<'_>) + Send>;

/// The threads, started when they are needed and kept. They end when this is closed or dropped and the queue is empty;
/// nobody waits for them, because a call that is stuck would never let them end.
pub(super) struct Pool(Arc<Shared>);

/// What the threads and those who give them work have in common.
pub(super) struct Shared {
    max_threads: usize,
    max_queued: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By ticket, in order.
    queue: VecDeque<(Ticket, Job)>,
    last: Ticket,
    threads: usize,
    /// How many of the threads wait for work.
    idle: usize,
    is_closed: bool,
}

/// The number of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// A job was not taken.
pub(super) enum Refused {
    /// All threads are at work, and the queue is full.
    Full,
    /// There are no threads any more.
    Closed(Job),
}

impl Pool {
    pub(super) fn new(max_threads: usize, max_queued: usize) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Pool(Arc::new(Shared { max_threads, max_queued, state, changed }))
    }

    /// Has `job` run as soon as there is a thread for it.
    pub(super) fn submit(&self, job: Job) -> Result<Ticket, Refused> {
        let mut state = self.0.state();
        if state.is_closed {
            return Err(Refused::Closed(job));
        }
        let all_are_taken = state.queue.len() >= state.idle;
        if all_are_taken && state.threads < self.0.max_threads {
            match self.start_thread(state.threads) {
                Ok(()) => {
                    state.threads += 1;
                    // It is as good as waiting for work.
                    state.idle += 1;
                }
                Err(error) => log::no_thread(&error),
            }
        }
        if state.threads == 0 || state.queue.len() >= state.idle.saturating_add(self.0.max_queued) {
            return Err(Refused::Full);
        }
        state.last.0 += 1;
        let ticket = state.last;
        state.queue.push_back((ticket, job));
        self.0.changed.notify_one();
        Ok(ticket)
    }

    fn start_thread(&self, number: usize) -> io::Result<()> {
        let shared = Arc::clone(&self.0);
        thread::Builder::new().name(format!("linkbus-timeout-{}", number + 1)).spawn(move || shared.work())?;
        Ok(())
    }

    /// Takes a job back that has not started. A job that was taken back never runs; one that was not has started.
    pub(super) fn withdraw(&self, ticket: Ticket) -> Option<Job> {
        let mut state = self.0.state();
        let place = state.queue.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()?;
        state.queue.remove(place).map(|(_, job)| job)
    }

    /// Takes no more jobs. Those in the queue are still done.
    pub(super) fn close(&self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does. It was counted as idle when it was started.
    fn work(&self) {
        while let Some(job) = self.next() {
            let mut release = Release(Some(self));
            // What a job leaves behind may panic when it is dropped, and that may too: then it is leaked.
            caught(|| job(&mut release));
        }
    }

    fn next(&self) -> Option<Job> {
        let has_nothing = |state: &mut State| state.queue.is_empty() && !state.is_closed;
        let mut state = self.changed.wait_while(self.state(), has_nothing).unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        let (_, job) = state.queue.pop_front()?;
        Some(job)
    }
}

/// Counts a thread as idle: when the job says so, or else when it is done.
///
/// If whoever waits were told before, its next job would find a pool in which no thread is free.
pub(super) struct Release<'a>(Option<&'a Shared>);

impl Release<'_> {
    /// For a job that is done by the thread that has it.
    pub(super) const fn of_nothing() -> Self {
        Release(None)
    }

    pub(super) fn now(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.state().idle += 1;
        }
    }
}

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.now();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A job that says that it has started, and waits to be let go.
    fn stuck() -> (Job, Receiver<()>, Sender<()>) {
        let ((started, has_started), (let_go, is_let_go)) = (channel(), channel());
        let job = move |_: &mut Release<'_>| {
            started.send(()).unwrap();
            let _ = is_let_go.recv();
        };
        (Box::new(job), has_started, let_go)
    }

    fn submit(pool: &Pool, job: Job) -> Option<Ticket> {
        pool.submit(job).ok()
    }

    #[test]
    fn no_thread_is_started_before_it_is_needed_and_no_more_than_allowed() {
        let pool = Pool::new(2, 8);
        assert_eq!(pool.0.state().threads, 0);
        let mut held = Vec::new();
        for threads in [1, 2, 2, 2] {
            let (job, has_started, let_go) = stuck();
            submit(&pool, job).unwrap();
            held.push((has_started, let_go));
            assert_eq!(pool.0.state().threads, threads);
        }
    }

    #[test]
    fn a_thread_is_used_again() {
        let pool = Pool::new(4, 0);
        for _ in 0..3 {
            let (job, has_started, let_go) = stuck();
            submit(&pool, job).unwrap();
            has_started.recv().unwrap();
            drop(let_go);
            while pool.0.state().idle == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(pool.0.state().threads, 1);
    }

    #[test]
    fn a_job_is_withdrawn_or_has_started() {
        let pool = Pool::new(1, 8);
        let (first, has_started, let_go) = stuck();
        let first = submit(&pool, first).unwrap();
        has_started.recv().unwrap();
        let (second, second_has_started, _second_is_held) = stuck();
        let second = submit(&pool, second).unwrap();
        assert!(pool.withdraw(first).is_none());
        assert!(pool.withdraw(second).is_some());
        assert!(pool.withdraw(second).is_none());
        drop(let_go);
        assert!(second_has_started.recv().is_err());
    }

    #[test]
    fn a_full_queue_refuses() {
        let pool = Pool::new(1, 1);
        let held: Vec<_> = (0..2)
            .map(|_| {
                let (job, has_started, let_go) = stuck();
                submit(&pool, job).unwrap();
                (has_started, let_go)
            })
            .collect();
        assert!(matches!(pool.submit(Box::new(|_| ())), Err(Refused::Full)));
        drop(held);
    }

    #[test]
    fn what_is_queued_when_the_pool_is_closed_is_still_done() {
        let pool = Pool::new(1, 8);
        let (first, first_has_started, let_go) = stuck();
        let (second, second_has_started, _second_is_held) = stuck();
        submit(&pool, first).unwrap();
        submit(&pool, second).unwrap();
        first_has_started.recv().unwrap();
        pool.close();
        pool.close();
        assert!(matches!(pool.submit(Box::new(|_| ())), Err(Refused::Closed(_))));
        drop(let_go);
        second_has_started.recv().unwrap();
    }

    #[test]
    fn threads_end_with_their_pool() {
        let pool = Pool::new(2, 0);
        let (job, has_started, let_go) = stuck();
        submit(&pool, job).unwrap();
        has_started.recv().unwrap();
        let shared = Arc::downgrade(&pool.0);
        drop((pool, let_go));
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
