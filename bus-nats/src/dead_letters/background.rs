//! Waiting for the server on a thread that may not wait for a future.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use linkbus::layer::dead_letter::StoreError;
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

/// How long the server has for all that one call needs.
const LIMIT: Duration = Duration::from_secs(10);

/// A runtime with a thread of its own: whoever waits for it, a thread of another runtime too, does not hold it up.
pub(super) struct Background(Mutex<Option<Runtime>>);

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("linkbus-nats-letters").enable_all().build()?;
        Ok(Background(Mutex::new(Some(runtime))))
    }

    /// Runs something there, for a caller who can await it.
    ///
    /// # Panics
    /// If it is stopped, or `future` panics.
    pub(super) async fn begin<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let running = self.runtime().as_ref().map(|runtime| runtime.spawn(future));
        running.expect("it runs until it is stopped").await.expect("nothing panics there")
    }

    /// Runs something there, and blocks this thread until it is done.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = mpsc::sync_channel(1);
        let task = async move {
            let late = |_| StoreError::other(format!("the server did not answer within {LIMIT:?}"));
            let result = timeout(LIMIT, future).await.map_err(late).and_then(|result| result);
            // Nobody waits if its caller is gone.
            let _ = tell.send(result);
        };
        self.runtime().as_ref().ok_or(StoreError::Closed)?.spawn(task);
        told.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Ends what runs there. Further calls do nothing.
    pub(super) fn stop(&self) {
        // Not dropped: that would wait, which a thread of another runtime may not.
        if let Some(runtime) = self.runtime().take() {
            runtime.shutdown_background();
        }
    }

    fn runtime(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}
