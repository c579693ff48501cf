use contracts::{notifications::SendReceipt, orders::OrderPlaced};
use linkbus::{AnyError, DispatchError, TaskHandle, handler};

/// Every order gets a receipt: a task, so that one worker of several writes it.
#[handler]
pub async fn request_receipt(event: &OrderPlaced, tasks: &TaskHandle) -> Result<(), AnyError> {
    match tasks.dispatch(SendReceipt { order: event.id.clone() }).await {
        // The task is what is lost then, and has its dead letter: the event has done what it is for.
        Err(DispatchError::Handler(error)) => {
            tracing::warn!("sends no receipt of {}: {error}", event.id);
            Ok(())
        }
        outcome => Ok(outcome?),
    }
}
