//! What fails behind the callers' backs is kept, and tried again when somebody says so.

mod support;

use shop::{Answer, Place};
use support::{fill, order, perform, reply};

#[tokio::test(start_paused = true)]
async fn a_receipt_that_was_not_sent_is_sent_when_the_letters_are_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::File(folder.path().join("shop.sqlite"));
    let bus = shop::open(&place).await.unwrap();
    fill(&bus).await;
    let file = storage::Database::open(&place, "").unwrap();
    let rename = |from: &str, to: &str| {
        file.transaction(|mail| mail.execute(&format!("ALTER TABLE {from} RENAME TO {to}"), [])).unwrap();
    };

    rename("mail", "lost_mail");
    assert_eq!(perform(&bus, &order("o-1", 1)).await, Ok(Answer::Done));
    let lost = reply(&bus, r#"{"ListLetters": {}}"#).await;
    let receipt = r#"[{"message":"contracts.SendReceipt","handler":"Mailroom::send_receipt","reason":"failed""#;
    assert_eq!(lost, format!(r#"{receipt},"attempts":3,"replays":0}}]"#));

    // It outlives the program, and fails as long as there is nowhere to write.
    bus.close().await.unwrap();
    drop(bus);
    let bus = shop::open(&place).await.unwrap();
    rename("mail", "empty_mail");
    assert_eq!(perform(&bus, r#"{"ReplayLetters": {}}"#).await, Ok(Answer::Done));
    assert_eq!(reply(&bus, r#"{"ListLetters": {}}"#).await, format!(r#"{receipt},"attempts":3,"replays":1}}]"#));

    rename("lost_mail", "mail");
    assert_eq!(perform(&bus, r#"{"ReplayLetters": {}}"#).await, Ok(Answer::Done));
    assert_eq!(reply(&bus, r#"{"ListLetters": {}}"#).await, "[]");
    assert_eq!(reply(&bus, r#"{"ListMail": {"user": "ada"}}"#).await, r#"["Welcome, Ada","Your order o-1"]"#);
}
