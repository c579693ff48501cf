//! Listening to `tracing` in a test program whose tests run on several threads.

use std::sync::LazyLock;
use tracing::{Dispatch, Subscriber, subscriber::NoSubscriber};

/// Runs `work` while `subscriber` listens to this thread.
///
/// `tracing` remembers of each place in the code whether anybody listens. While there is only one subscriber, it asks the
/// thread that comes there first, and so another test, to which nobody listens, would answer for this one. A second
/// subscriber, which never ends and hears nothing, makes it ask all of them.
pub(crate) fn listening<T>(subscriber: impl Subscriber + Send + Sync + 'static, work: impl FnOnce() -> T) -> T {
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
    LazyLock::force(&SECOND);
    tracing::subscriber::with_default(subscriber, work)
}
