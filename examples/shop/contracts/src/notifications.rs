//! What the notifications module is asked to do.

use linkbus::{Query, Task};
use serde::{Deserialize, Serialize};

use crate::{OrderId, Unavailable, UserId};

/// Sends the receipt of an order to the one who ordered. Doing it twice sends it once.
///
/// It names no error type: nobody decides anything by it, so any error will do.
#[derive(Task, Clone, Debug, Serialize, Deserialize)]
pub struct SendReceipt {
    /// The order.
    #[bus(key)]
    pub order: OrderId,
}

/// Asks for the subjects of all mail that a user was sent, the oldest first.
#[derive(Query, Clone, Debug, Serialize, Deserialize)]
#[query(reply = Vec<String>, error = Unavailable)]
#[serde(deny_unknown_fields)]
pub struct ListMail {
    /// The user.
    #[bus(key)]
    pub user: UserId,
}
