//! What every peer does with a message, and how turns are timed.

use std::{
    future::Future,
    hint::black_box,
    pin::{Pin, pin},
    sync::Barrier,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};

/// The work of every handler: too little to be seen, and never inlined, so that every way has a call to make.
#[inline(never)]
pub(crate) fn add(left: u64, right: u64) -> u64 {
    left + right
}

/// What a subscriber does.
pub(crate) fn hear(said: u64) {
    black_box(add(said, 1));
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
    type Reply;

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

impl<T> Outcome for Option<T> {
    type Reply = T;

    fn reply(self) -> T {
        self.unwrap_or_else(|| unreachable!("every turn has a reply"))
    }
}

impl<T, E> Outcome for Result<T, E> {
    type Reply = T;

    fn reply(self) -> T {
        self.unwrap_or_else(|_| unreachable!("no turn fails"))
    }
}

/// Times so many calls.
pub(crate) fn timed<T: Outcome>(turns: u64, mut call: impl FnMut(u64) -> T) -> Duration {
    let start = Instant::now();
    for turn in 0..turns {
        black_box(call(black_box(turn)).reply());
    }
    start.elapsed()
}

/// Times so many awaits, inside an async context.
macro_rules! timed_awaits {
    ($turns:expr, |$turn:ident| $future:expr) => {{
        let start = std::time::Instant::now();
        for turn in 0..$turns {
            let $turn = std::hint::black_box(turn);
            std::hint::black_box($crate::work::Outcome::reply($future.await));
        }
        start.elapsed()
    }};
}
pub(crate) use timed_awaits;

/// A runtime of the thread that waits for it.
pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime can be built")
}

/// A runtime with so many threads of its own.
pub(crate) fn threads(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).build().expect("a runtime can be built")
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

/// What a future gives that does not wait.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

/// The longest that `work` takes on so many threads that begin together.
pub(crate) fn on_threads(callers: usize, work: impl Fn() -> Duration + Sync) -> Duration {
    let together = Barrier::new(callers);
    let caller = || {
        together.wait();
        work()
    };
    let longest = thread::scope(|scope| {
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|caller| caller.join().expect("a caller comes to its end")).max()
    });
    longest.unwrap_or_default()
}

/// The longest that the futures of `work` take, on tasks that begin together, each with a thread of the runtime.
pub(crate) fn on_tasks<F>(runtime: &Runtime, callers: usize, work: impl Fn() -> F) -> Duration
where
    F: Future<Output = Duration> + Send + 'static,
{
    runtime.block_on(async {
        let together = std::sync::Arc::new(tokio::sync::Barrier::new(callers));
        let mut tasks = Vec::new();
        for _ in 0..callers {
            let (together, work) = (together.clone(), work());
            tasks.push(tokio::spawn(async move {
                together.wait().await;
                work.await
            }));
        }
        let mut longest = Duration::ZERO;
        for task in tasks {
            longest = longest.max(task.await.expect("a caller comes to its end"));
        }
        longest
    })
}
