//! What the shop does can be recorded, and what was recorded played again.

mod support;

use linkbus::recording::{Filter, Reader, Record, Replay, ReplayResult, Skipped, runs};
use shop::Place;
use support::{fill, order, perform};

#[tokio::test]
async fn what_was_recorded_comes_to_the_same_again_but_for_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let bus = shop::open_recorded(&Place::Memory, Some(folder.path())).await.unwrap();
    fill(&bus).await;
    for sku in ["mug", "tee"] {
        let _ = perform(&bus, &format!(r#"{{"GetArticle": {{"sku": "{sku}"}}}}"#)).await;
    }
    perform(&bus, &order("o-1", 3)).await.unwrap();
    bus.close().await.unwrap();

    let run = runs(folder.path()).unwrap().pop().unwrap();
    let records: Vec<Record> = Reader::open(&run).unwrap().collect::<Result<_, _>>().unwrap();
    let [registered] = &records.iter().filter(|record| record.class == "RegisterUser").collect::<Vec<_>>()[..] else {
        panic!("{records:?}")
    };
    assert!(registered.is_redacted);
    assert!(!std::fs::read_to_string(&run).unwrap().contains("ada@example.com"));
    // The modules that an order takes are in the same record, and belong to it.
    let placed = records.iter().find(|record| record.class == "PlaceOrder").unwrap();
    let caused = records.iter().filter(|record| Filter::any().correlation_id(placed.correlation_id).matches(record));
    assert!(caused.count() > 3);

    // Whoever has no mail address cannot be registered again; all that needs nobody comes to the same.
    let bus = shop::open(&Place::Memory).await.unwrap();
    let report =
        Replay::new(&bus).run(records.into_iter().filter(|record| record.message.starts_with("contracts."))).await;
    let skipped: Vec<_> =
        report.notable.iter().filter(|one| matches!(one.result, ReplayResult::Skipped(Skipped::Redacted))).collect();
    assert_eq!(skipped.len(), 1, "{report}");
    assert!(report.same >= 3, "{report}");
}
