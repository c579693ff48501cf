//! Runtimes of several threads, for those who have a task of their own beside the callers.

use std::{future::Future, sync::Arc};

use tokio::{
    runtime::{Builder, Runtime},
    sync::Barrier,
};

use crate::span::Span;

/// A runtime with so many threads of its own.
pub(crate) fn threads(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).build().expect("a runtime can be built")
}

/// The futures of `work`, on tasks that begin together. Only for those who wait for another task in every turn: tasks that
/// never wait would be run by one thread, one after the other.
pub(crate) fn on_tasks<F>(runtime: &Runtime, callers: usize, work: impl Fn() -> F) -> Span
where
    F: Future<Output = Span> + Send + 'static,
{
    runtime.block_on(async {
        let together = Arc::new(Barrier::new(callers));
        let caller = |work: F| {
            let together = Arc::clone(&together);
            tokio::spawn(async move {
                together.wait().await;
                work.await
            })
        };
        let tasks: Vec<_> = (0..callers).map(|_| caller(work())).collect();
        let mut spans = Vec::new();
        for task in tasks {
            spans.push(task.await.expect("a caller comes to its end"));
        }
        Span::of_all(&spans)
    })
}
