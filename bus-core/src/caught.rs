//! Code of users that may panic where a panic may go no further.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// What `run` gives; `None` if it panicked.
///
/// What was panicked with is leaked: it may panic again when it is dropped. Nor is it shown, because it may hold what a
/// message held; the panic hook has it.
#[inline]
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(std::mem::forget).ok()
}

/// What `future` gives; `None` if it panicked, and then it is over. As for [`caught`].
pub(crate) async fn caught_in<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut running = pin!(future);
    poll_fn(|task| match caught(|| running.as_mut().poll(task)) {
        Some(poll) => poll.map(Some),
        None => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn what_panics_gives_nothing_even_if_it_panics_again_when_it_is_dropped() {
        struct Again;

        impl Drop for Again {
            fn drop(&mut self) {
                panic!("again");
            }
        }

        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| -> u8 { std::panic::panic_any(Again) }), None);
    }
}
