use std::sync::Arc;

use bus_zmq::{HubStats, ZmqHub};
use linkbus::layer::{AsyncAround, AsyncNext, Dispatch, Done};

/// Lets each dispatch wait for what comes of it in other processes: the events, and what their subscribers do.
///
/// In one process `publish` waits for the subscribers; between processes, only until the hub has the event. A script is to
/// read the same.
pub(super) struct Settled(pub(super) Arc<ZmqHub>);

impl AsyncAround for Settled {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        let done = next.run(dispatch).await;
        // A hub that is closed has nothing under way.
        let _ = self.0.wait_for(HubStats::is_idle).await;
        done
    }
}
