use contracts::{notifications::SendReceipt, orders::OrderPlaced};
use linkbus::{AnyError, TaskHandle, handler};

/// Every order gets a receipt: a task, so that one worker of several writes it.
#[handler]
pub async fn request_receipt(event: &OrderPlaced, tasks: &TaskHandle) -> Result<(), AnyError> {
    Ok(tasks.dispatch(SendReceipt { order: event.id.clone() }).await?)
}
