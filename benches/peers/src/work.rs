//! What every peer does with a message, and how turns are timed.

use std::{
    any::Any,
    future::Future,
    hint::black_box,
    pin::{Pin, pin},
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Instant,
};

use tokio::runtime::{Builder, Runtime};

use crate::span::Span;

/// How often a subscriber has heard something and a caller had the right reply; counted in tests only.
pub(crate) static SEEN: Seen = Seen { heard: AtomicU64::new(0), replies: AtomicU64::new(0) };

pub(crate) struct Seen {
    pub(crate) heard: AtomicU64,
    pub(crate) replies: AtomicU64,
}

/// The work of every handler: too little to be seen, and never inlined, so that every way has a call to make.
#[inline(never)]
pub(crate) fn add(left: u64, right: u64) -> u64 {
    left + right
}

/// What a subscriber does.
pub(crate) fn hear(said: u64) {
    black_box(add(said, 1));
    if cfg!(test) {
        SEEN.heard.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes the reply of a turn, so that the compiler cannot leave out what led to it.
pub(crate) fn take<T: Outcome>(turn: u64, outcome: T) {
    let reply = black_box(outcome.reply());
    if cfg!(test)
        && let Some(sum) = (&reply as &dyn Any).downcast_ref::<u64>()
    {
        assert_eq!(*sum, turn + 1, "the reply is the sum");
        SEEN.replies.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that yields once.
#[derive(Default)]
pub(crate) struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What a turn gives. Its reply is looked at, and not the whole of it: a look at a large thing is work of its own.
pub(crate) trait Outcome {
    type Reply: 'static;

    /// What failed is not to be measured.
    fn reply(self) -> Self::Reply;
}

impl Outcome for () {
    type Reply = ();

    fn reply(self) {}
}

impl Outcome for u64 {
    type Reply = u64;

    fn reply(self) -> u64 {
        self
    }
}

impl<T: 'static> Outcome for Option<T> {
    type Reply = T;

    fn reply(self) -> T {
        self.unwrap_or_else(|| unreachable!("every turn has a reply"))
    }
}

impl<T: 'static, E> Outcome for Result<T, E> {
    type Reply = T;

    fn reply(self) -> T {
        self.unwrap_or_else(|_| unreachable!("no turn fails"))
    }
}

/// Times so many calls.
pub(crate) fn timed<T: Outcome>(turns: u64, mut call: impl FnMut(u64) -> T) -> Span {
    let start = Instant::now();
    for turn in 0..turns {
        take(turn, call(black_box(turn)));
    }
    Span::since(start)
}

/// Times so many awaits, inside an async context.
macro_rules! timed_awaits {
    ($turns:expr, |$turn:ident| $future:expr) => {{
        let start = std::time::Instant::now();
        for turn in 0..$turns {
            let $turn = std::hint::black_box(turn);
            $crate::work::take(turn, $future.await);
        }
        $crate::span::Span::since(start)
    }};
}
pub(crate) use timed_awaits;

/// The work that times so many awaits on a runtime.
macro_rules! awaits {
    ($runtime:expr, |$turn:ident| $future:expr) => {{
        let runtime = $runtime;
        move |turns| runtime.block_on(async { $crate::work::timed_awaits!(turns, |$turn| $future) })
    }};
}
pub(crate) use awaits;

/// A runtime of the thread that waits for it.
pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime can be built")
}

/// The first so many, one after the other, again and again.
#[cfg(feature = "many")]
pub(crate) fn in_turns<T: Copy>(calls: Vec<T>, types: usize) -> impl FnMut() -> T {
    let mut next = 0;
    move || {
        let call = calls[next];
        next = if next + 1 < types { next + 1 } else { 0 };
        call
    }
}

/// What a future gives that does not wait. As if it was awaited where it is made: a function of its own would copy it.
#[expect(clippy::inline_always, reason = "a large future would be polled out of line, which an `.await` never is")]
#[inline(always)]
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

/// `work` on so many threads that begin together.
pub(crate) fn on_threads(callers: usize, work: impl Fn() -> Span + Sync) -> Span {
    Span::of_all(&side_by_side(callers, work))
}

fn side_by_side(callers: usize, work: impl Fn() -> Span + Sync) -> Vec<Span> {
    let together = Barrier::new(callers);
    let caller = || {
        together.wait();
        work()
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller comes to its end")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many that a thread is started while the other is at work.
    const TURNS: u64 = 1_000_000;

    #[test]
    fn two_callers_run_side_by_side() {
        let sends = || {
            one_thread().block_on(async {
                timed_awaits!(TURNS, |turn| async {
                    black_box(add(turn, 1));
                })
            })
        };
        // The machine may have one processor to spare, now and then.
        let met = (0..100).any(|_| {
            let spans = side_by_side(2, sends);
            spans[0].meets(spans[1])
        });
        assert!(met, "in no round");
    }
}
