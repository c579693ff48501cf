use linkbus::{Query, SyncBus};

#[derive(Query)]
#[query(reply = bool)]
struct IsOpen;

fn main() {
    let _ = SyncBus::empty().query_async(|_: IsOpen| async { true }).build();
}
