//! Stubs beside what else is on a bus: layers, handlers, transports.

#[path = "support/until.rs"]
mod until;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use linkbus::{
    Bus, Command, Event, ExecuteError, Kind, PublishError, Query, SendError, SyncBus, clock::ManualClock,
    layer::Timeout, testing::Fake,
};
use until::until;

#[derive(Query, Debug)]
#[query(reply = u32, name = "shop.Stock")]
struct Stock;

#[derive(Command, Debug)]
#[command(name = "shop.Reserve")]
struct Reserve;

#[cfg(feature = "transport")]
#[derive(Command, serde::Serialize, serde::Deserialize)]
struct Remote;

#[derive(Event, Debug)]
#[event(name = "shop.SoldOut")]
struct SoldOut;

const SECOND: Duration = Duration::from_secs(1);

fn text_of(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_around_a_stub() {
    let timeout = Timeout::after(2 * SECOND).for_kind(Kind::Command, 3 * SECOND).for_message::<SoldOut>(4 * SECOND);
    let fake = Fake::over(Bus::empty().layer(timeout)).unwrap();
    fake.on::<Stock>().after(60 * SECOND).reply(3);
    fake.on::<Reserve>().after(60 * SECOND).reply(());
    fake.on::<SoldOut>().after(60 * SECOND).reply(());
    let limit = match fake.bus().send(Stock).await {
        Err(SendError::TimedOut { after, .. }) => after,
        other => panic!("{other:?}"),
    };
    assert_eq!(limit, 2 * SECOND);
    let failed = fake.bus().execute(Reserve).await.unwrap_err();
    assert!(matches!(failed, ExecuteError::TimedOut { after, .. } if after == 3 * SECOND), "{failed:?}");
    let failed = fake.bus().publish(SoldOut).await.unwrap_err();
    assert!(matches!(failed, PublishError::TimedOut { after, .. } if after == 4 * SECOND), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stub_that_is_in_time_answers() {
    let fake = Fake::over(Bus::empty().message::<Stock>().layer(Timeout::after(2 * SECOND))).unwrap();
    fake.on::<Stock>().after(SECOND).reply(3);
    assert_eq!(fake.bus().send(Stock).await.unwrap(), 3);
    let explained = fake.bus().explain::<Stock>().unwrap().to_string();
    assert!(explained.contains("after = 2s"), "{explained}");
}

#[test]
fn a_time_out_is_around_a_stub_of_a_sync_bus() {
    let clock = ManualClock::stopped();
    let fake = Fake::over(SyncBus::empty().layer(Timeout::after(2 * SECOND)).clock(clock.clone())).unwrap();
    fake.on::<Stock>().after(60 * SECOND).reply(3);
    let caller = thread::spawn({
        let fake = fake.clone();
        move || fake.bus().send(Stock)
    });
    until(|| clock.sleeps() == [60 * SECOND]);
    clock.advance(2 * SECOND);
    until(|| caller.is_finished());
    let answer = caller.join().unwrap();
    assert!(matches!(answer, Err(SendError::TimedOut { after, .. }) if after == 2 * SECOND), "{answer:?}");
    // The stub goes on to its end, as a handler does.
    clock.advance(58 * SECOND);
}

#[test]
fn a_stub_of_what_is_handled_is_refused() {
    let wired = SyncBus::empty().query(|_: Stock| 3).subscribe(|_: &SoldOut| ());
    let fake = Fake::over(wired).unwrap();
    let text = text_of(|| fake.on::<Stock>().reply(1));
    let expected = "a stub for `shop.Stock` would never be asked: on this bus it is handled by `";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains("` (tests/stubs.rs:"), "{text}");
    assert!(text.ends_with("; give its builder `.replace(|_: Stock| ..)` instead"), "{text}");
    let text = text_of(|| fake.on::<SoldOut>().reply(()));
    assert!(text.contains(" it has the subscriber `"), "{text}");
    assert!(text.ends_with("; give its builder `.replace_subscribers(|_: &SoldOut| ..)` instead"), "{text}");
}

#[cfg(feature = "transport")]
#[test]
fn a_stub_of_what_another_process_handles_is_refused() {
    use linkbus::transport::{Answer, Features, Parcel, Transport, Undelivered};

    struct Nowhere;

    impl Transport for Nowhere {
        fn name(&self) -> &'static str {
            "nowhere"
        }

        fn features(&self) -> Features {
            Features::default()
        }

        async fn carry(&self, _: Parcel) -> Result<Answer, Undelivered> {
            Err(Undelivered::Closed)
        }
    }

    let wired = || Bus::empty().message::<Remote>().transport(Nowhere);
    let text = text_of(|| Fake::over(wired()).unwrap().on::<Remote>().reply(()));
    assert!(text.contains(" it goes through the transport `nowhere` (tests/stubs.rs:"), "{text}");
    assert!(text.ends_with("; give its builder `.command(|_: Remote| ..)` instead"), "{text}");
    let fake = Fake::over(wired().command(|_: Remote| ())).unwrap();
    futures_util::FutureExt::now_or_never(fake.bus().execute(Remote)).unwrap().unwrap();
}

mod orders {
    use linkbus::{AnyError, SyncBus, handler};

    use super::{Reserve, Stock};

    /// The module owns `Stock`, which others handle.
    #[handler(sends(Stock))]
    fn reserve(_: &Reserve, bus: &SyncBus) -> Result<(), AnyError> {
        match bus.send(Stock)? {
            0 => Err("sold out".into()),
            _ => Ok(()),
        }
    }

    linkbus::module!(messages: [Reserve, Stock], handlers: [reserve]);
}

#[test]
fn what_a_module_owns_and_others_handle_is_for_a_stub() {
    let fake = Fake::over(SyncBus::empty().modules([orders::MODULE])).unwrap();
    assert_eq!(fake.unanswered()[0].message().name, "shop.Stock");
    fake.on::<Stock>().reply(3);
    fake.bus().execute(Reserve).unwrap();
}
