//! Orders across modules, on the whole shop.

mod support;

use linkbus::Bus;
use shop::{Answer, Place, Reason};
use support::{fill, order, perform, reply};

async fn mugs_left(bus: &Bus) -> String {
    let article = reply(bus, r#"{"GetArticle": {"sku": "mug"}}"#).await;
    article.split_once(r#""left":"#).unwrap().1.trim_end_matches('}').to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_orders_at_once_for_ten_pieces_place_exactly_ten() {
    let folder = tempfile::tempdir().unwrap();
    let bus = shop::open(&Place::File(folder.path().join("shop.sqlite"))).await.unwrap();
    fill(&bus).await;
    let start = |number: u32| {
        let bus = bus.clone();
        tokio::spawn(async move { perform(&bus, &order(&format!("o-{number}"), 1)).await })
    };
    let mut outcomes = Vec::new();
    for task in (0..50).map(start).collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    let placed = outcomes.iter().filter(|outcome| **outcome == Ok(Answer::Done)).count();
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert_eq!(placed, 10);
    assert!(refused.clone().all(|failure| failure.reason == Reason::Conflict), "{:?}", refused.collect::<Vec<_>>());
    assert_eq!(mugs_left(&bus).await, "0");
    assert_eq!(reply(&bus, r#"{"ListOrders": {"user": "ada"}}"#).await.matches(r#""id""#).count(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_order_sent_many_times_at_once_is_placed_once() {
    let bus = shop::open(&Place::Memory).await.unwrap();
    fill(&bus).await;
    let start = |_| {
        let bus = bus.clone();
        tokio::spawn(async move { perform(&bus, &order("o-1", 2)).await.is_ok() })
    };
    let mut placed = 0;
    for task in (0..20).map(start).collect::<Vec<_>>() {
        placed += u32::from(task.await.unwrap());
    }
    assert_eq!(placed, 1);
    assert_eq!(mugs_left(&bus).await, "8");
}

#[tokio::test]
async fn a_refused_order_leaves_no_order_and_no_reservation() {
    let bus = shop::open(&Place::Memory).await.unwrap();
    fill(&bus).await;
    let refused = perform(&bus, &order("o-1", 11)).await.unwrap_err();
    assert_eq!(refused.to_string(), "11 of `mug` wanted, 10 left");
    assert_eq!(mugs_left(&bus).await, "10");
    assert_eq!(perform(&bus, r#"{"GetOrder": {"id": "o-1"}}"#).await.unwrap_err().reason, Reason::Unknown);
    // The id is free again.
    assert_eq!(perform(&bus, &order("o-1", 10)).await, Ok(Answer::Done));
}

#[tokio::test]
async fn what_a_crash_left_half_placed_is_gone_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::File(folder.path().join("shop.sqlite"));
    let bus = shop::open(&place).await.unwrap();
    fill(&bus).await;
    perform(&bus, &order("o-1", 3)).await.unwrap();
    drop(bus);
    // The crash: stock has reserved, and the order was not confirmed any more.
    let file = storage::Database::open(&place, "").unwrap();
    file.transaction(|orders| orders.execute("UPDATE orders SET placed = FALSE", [])).unwrap();
    let bus = shop::open(&place).await.unwrap();
    assert_eq!(mugs_left(&bus).await, "10");
    assert!(perform(&bus, r#"{"GetOrder": {"id": "o-1"}}"#).await.is_err());
}

#[tokio::test]
async fn a_database_that_fails_is_nobodys_fault_and_says_nothing_about_itself() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::File(folder.path().join("shop.sqlite"));
    let bus = shop::open(&place).await.unwrap();
    let file = storage::Database::open(&place, "").unwrap();
    file.transaction(|users| users.execute("DROP TABLE users", [])).unwrap();
    let failure = perform(&bus, r#"{"GetUser": {"id": "ada"}}"#).await.unwrap_err();
    assert_eq!(failure.reason, Reason::Unavailable);
    assert!(!failure.to_string().contains("users"), "{failure}");
}
