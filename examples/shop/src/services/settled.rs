use std::time::Duration;

use bus_nats::NatsClient;
use linkbus::layer::{AsyncAround, AsyncNext, Dispatch, Done};
use tokio::time::sleep;

/// How long it waits before it asks the server again.
const PAUSE: Duration = Duration::from_millis(50);

/// Lets each query wait until every command, task and event is over.
///
/// A command is over for its sender when the server has kept it. A script that asks for what it has ordered wants to see it.
pub(super) struct Settled(pub(super) NatsClient);

impl AsyncAround for Settled {
    async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
        // If the server does not answer, the query itself will say so.
        while self.0.unfinished().await.is_ok_and(|messages| messages > 0) {
            sleep(PAUSE).await;
        }
        next.run(dispatch).await
    }
}
