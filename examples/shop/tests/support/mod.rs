//! What the tests share: requests as people write them.

#![allow(dead_code, reason = "each test program uses a part")]

use linkbus::Bus;
use shop::{Answer, Failure, Request};

/// Reads a request and performs it.
pub(crate) async fn perform(bus: &Bus, request: &str) -> Result<Answer, Failure> {
    serde_json::from_str::<Request>(request).unwrap().perform(bus).await
}

/// The reply to a query.
pub(crate) async fn reply(bus: &Bus, query: &str) -> String {
    match perform(bus, query).await.unwrap() {
        Answer::Reply(json) => json,
        Answer::Done => panic!("{query} is no query"),
    }
}

/// Registers Ada and puts ten mugs into stock.
pub(crate) async fn fill(bus: &Bus) {
    let ada = r#"{"RegisterUser": {"id": "ada", "name": "Ada", "email": "ada@example.com"}}"#;
    let mugs = r#"{"AddStock": {"sku": "mug", "name": "Mug", "price": 1250, "quantity": 10}}"#;
    perform(bus, ada).await.unwrap();
    perform(bus, mugs).await.unwrap();
}

/// The request of Ada for some mugs.
pub(crate) fn order(id: &str, mugs: u16) -> String {
    format!(r#"{{"PlaceOrder": {{"id": "{id}", "user": "ada", "items": [{{"sku": "mug", "quantity": {mugs}}}]}}}}"#)
}
