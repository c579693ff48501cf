//! How long dispatches take: what is kept, what is read from it, and who is told.

#[path = "support/listen.rs"]
mod support;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    Bus, Command, Event, Kind, Query, SyncBus, Task,
    clock::{ManualClock, Time},
    layer::{
        Around, AsyncAround, AsyncNext, Dispatch, Done, Latency, LatencyError, LatencyPercentiles, LatencyStats, Next,
        SlowDispatch,
    },
};

#[derive(Query)]
#[query(reply = u32, name = "shop.Count")]
struct Count(u64);

#[derive(Command)]
#[command(name = "shop.Pay")]
struct Pay(u64);

#[derive(Event)]
struct Paid(u64);

#[derive(Task)]
struct Print(u64);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn us(microseconds: u64) -> Duration {
    Duration::from_micros(microseconds)
}

fn record(stats: &LatencyStats, milliseconds: impl IntoIterator<Item = u64>) {
    milliseconds.into_iter().for_each(|one| stats.record::<Count>(ms(one)));
}

fn percentiles(stats: &LatencyStats) -> LatencyPercentiles {
    stats.percentiles::<Count>().expect("there are samples")
}

/// S1.
#[test]
fn the_oldest_samples_are_given_up() {
    for max_samples in [1, 2, 3, 31, 32, 33, 100, 1023, 1024, 1025, 2000, 10_000] {
        let stats = LatencyStats::with_max_samples(max_samples).unwrap();
        let last = 3 * max_samples as u64 + 7;
        for sample in 0..=last {
            record(&stats, [sample]);
            if sample % (1 + last / 40) == 0 {
                assert_eq!(percentiles(&stats).max, ms(sample), "the newest of {max_samples} is read at once");
            }
        }
        let Percentiles { count, min, max } = Percentiles::of(&stats);
        assert_eq!((count, min, max), (max_samples, ms(last - max_samples as u64 + 1), ms(last)));
    }
}

struct Percentiles {
    count: usize,
    min: Duration,
    max: Duration,
}

impl Percentiles {
    fn of(stats: &LatencyStats) -> Self {
        let LatencyPercentiles { count, min, max, .. } = percentiles(stats);
        Percentiles { count, min, max }
    }
}

/// S1.
#[test]
fn ten_thousand_samples_are_kept_by_default_and_none_is_refused() {
    assert_eq!(LatencyStats::new().max_samples(), 10_000);
    assert_eq!(LatencyStats::default().max_samples(), 10_000);
    let refused = LatencyStats::with_max_samples(0).unwrap_err();
    assert_eq!(refused, LatencyError::NoSamples);
    assert_eq!(refused.to_string(), "`max_samples` is 0: keep at least 1 sample of each message");
}

/// S2.
#[test]
fn two_types_of_one_name_are_two_messages() {
    mod elsewhere {
        #[derive(linkbus::Command)]
        #[command(name = "shop.Pay")]
        pub(crate) struct Pay;
    }
    let stats = LatencyStats::new();
    stats.record::<Pay>(ms(1));
    stats.record::<elsewhere::Pay>(ms(9));
    assert_eq!(stats.percentiles::<Pay>().unwrap().max, ms(1));
    assert_eq!(stats.percentiles::<elsewhere::Pay>().unwrap().max, ms(9));
}

/// S3.
#[test]
fn there_are_no_percentiles_of_no_samples() {
    let stats = LatencyStats::new();
    assert!(stats.percentiles::<Count>().is_none());
    stats.record::<Pay>(ms(1));
    assert!(stats.percentiles::<Count>().is_none());
    assert!(stats.percentiles_of(<Pay as linkbus::Message>::FACTS).is_some());
}

/// S3, S4.
#[test]
fn percentiles_are_interpolated_linearly() {
    let stats = LatencyStats::new();
    record(&stats, (0..100).rev());
    let LatencyPercentiles { count, p50, p95, p99, min, max, .. } = percentiles(&stats);
    assert_eq!((count, min, max), (100, ms(0), ms(99)));
    assert_eq!((p50, p95, p99), (us(49_500), us(94_050), us(98_010)));

    stats.reset();
    record(&stats, [3, 1, 4, 2]);
    let LatencyPercentiles { p50, p95, p99, .. } = percentiles(&stats);
    assert_eq!((p50, p95, p99), (us(2_500), us(3_850), us(3_970)));

    stats.reset();
    record(&stats, [7]);
    let LatencyPercentiles { p50, p95, p99, min, max, .. } = percentiles(&stats);
    assert_eq!([p50, p95, p99, min, max], [ms(7); 5]);
}

/// S5.
#[test]
fn all_messages_are_listed_in_the_order_of_their_first_sample() {
    let stats = LatencyStats::new();
    assert!(stats.all_percentiles().is_empty());
    stats.record::<Paid>(ms(1));
    stats.record::<Count>(ms(2));
    stats.record::<Paid>(ms(3));
    stats.record::<Pay>(ms(4));
    let listed = stats.all_percentiles();
    assert_eq!(
        listed.iter().map(|one| one.message.kind).collect::<Vec<_>>(),
        [Kind::Event, Kind::Query, Kind::Command]
    );
    assert_eq!(listed.iter().map(|one| one.count).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(
        listed[1].to_string(),
        "query `shop.Count`: 1 samples, p50 2.00ms, p95 2.00ms, p99 2.00ms, min 2.00ms, max 2.00ms"
    );
}

/// S6.
#[test]
fn a_new_baseline_takes_the_place_of_the_old_one() {
    let stats = LatencyStats::with_max_samples(10).unwrap();
    record(&stats, [1; 10]);
    stats.set_baseline();
    record(&stats, [5; 10]);
    let [signal] = &stats.separation_signals(2.0).unwrap()[..] else { panic!("one message") };
    assert_eq!((signal.message.name, signal.baseline_p95, signal.current_p95), ("shop.Count", ms(1), ms(5)));
    assert!((signal.increase - 5.0).abs() < f64::EPSILON);
    assert_eq!(signal.to_string(), "query `shop.Count`: p95 5.00ms, 5 times the 1.00ms of the baseline");

    stats.set_baseline();
    assert!(stats.separation_signals(2.0).unwrap().is_empty());
}

/// S7: at the ratio is enough, just below is not.
#[test]
fn a_signal_is_given_from_the_ratio_on() {
    let stats = LatencyStats::with_max_samples(10).unwrap();
    record(&stats, [100; 10]);
    stats.set_baseline();
    record(&stats, [199; 10]);
    assert!(stats.separation_signals(2.0).unwrap().is_empty());
    record(&stats, [200; 10]);
    assert_eq!(stats.separation_signals(2.0).unwrap().len(), 1);
}

/// S7.
#[test]
fn the_increase_is_rounded_to_two_digits() {
    let stats = LatencyStats::with_max_samples(10).unwrap();
    record(&stats, [300; 10]);
    stats.set_baseline();
    record(&stats, [1000; 10]);
    assert_eq!(stats.separation_signals(2.0).unwrap()[0].increase.to_string(), "3.33");
}

/// S7.
#[test]
fn without_a_baseline_there_is_no_signal() {
    let stats = LatencyStats::new();
    record(&stats, [50; 10]);
    assert!(stats.separation_signals(0.1).unwrap().is_empty());

    stats.set_baseline();
    (0..10).for_each(|_| stats.record::<Pay>(ms(50)));
    let signals = stats.separation_signals(0.1).unwrap();
    assert_eq!(signals.iter().map(|signal| signal.message.kind).collect::<Vec<_>>(), [Kind::Query]);
}

/// S7: it says so in the log, and goes on with the others.
#[test]
fn a_baseline_of_zero_is_passed_over() {
    let stats = LatencyStats::with_max_samples(10).unwrap();
    record(&stats, [0; 10]);
    stats.record::<Pay>(ms(1));
    stats.set_baseline();
    record(&stats, [50; 10]);
    let (signals, log) = logged(|| stats.separation_signals(0.5).unwrap());
    assert_eq!(signals.iter().map(|signal| signal.message.name).collect::<Vec<_>>(), ["shop.Pay"]);
    assert_eq!(log, ["WARN the baseline of `shop.Count` is zero, so it gives no separation signal"]);
}

/// S7.
#[test]
fn a_ratio_is_finite_and_above_zero() {
    let stats = LatencyStats::new();
    for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let Err(LatencyError::Ratio { ratio: refused }) = stats.separation_signals(ratio) else { panic!("{ratio}") };
        assert_eq!(refused.to_bits(), ratio.to_bits());
    }
    let refused = stats.separation_signals(0.0).unwrap_err();
    assert_eq!(refused.to_string(), "the ratio is 0: give a finite number above 0, such as 2.0");
}

/// S8.
#[test]
fn a_reset_forgets_samples_and_baseline() {
    for max_samples in [10, 10_000] {
        let stats = LatencyStats::with_max_samples(max_samples).unwrap();
        record(&stats, 0..100);
        stats.set_baseline();
        stats.reset();
        assert!(stats.percentiles::<Count>().is_none() && stats.all_percentiles().is_empty());
        record(&stats, [100_000; 3]);
        assert_eq!(Percentiles::of(&stats).count, 3);
        assert_eq!(Percentiles::of(&stats).min, ms(100_000));
        assert!(stats.separation_signals(0.001).unwrap().is_empty());
    }
}

/// S9: no sample is lost, whatever the size of the ring, and reading on the way neither loses nor doubles any.
#[test]
fn threads_record_together() {
    for (max_samples, expected) in [(7, 7), (9_990, 9_990), (10_000, 10_000), (20_000, 10_000)] {
        let stats = LatencyStats::with_max_samples(max_samples).unwrap();
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| (0..1000).for_each(|_| stats.record::<Count>(ms(1))));
            }
            for _ in 0..200 {
                assert!(stats.all_percentiles().first().is_none_or(|one| one.count <= expected && one.max == ms(1)));
            }
        });
        assert_eq!(Percentiles::of(&stats).count, expected);
    }
}

/// S9: what a thread kept back does not come in after what is newer than all the ring.
#[test]
fn what_another_thread_recorded_long_ago_is_given_up() {
    for max_samples in [10, 2048] {
        let stats = LatencyStats::with_max_samples(max_samples).unwrap();
        record(&stats, [1000; 5]);
        thread::scope(|scope| {
            scope.spawn(|| record(&stats, std::iter::repeat_n(1, 2 * max_samples)));
        });
        assert_eq!(Percentiles::of(&stats).max, ms(1));
        assert_eq!(Percentiles::of(&stats).count, max_samples);
    }
}

/// X15: the number of keys is that of the message types, and each is bounded.
#[test]
fn clones_share_the_samples() {
    let stats = LatencyStats::with_max_samples(2).unwrap();
    record(&stats.clone(), 0..5);
    assert_eq!(Percentiles::of(&stats).count, 2);
}

type Slow = Arc<Mutex<Vec<(&'static str, Kind, Duration, Duration)>>>;

/// A layer that notes what it finds slow, and where it does.
fn noting(stats: &LatencyStats, threshold: Duration) -> (Latency, Slow) {
    let slow = Slow::default();
    let seen = slow.clone();
    let latency = Latency::new(stats).threshold(threshold).on_slow(move |one: &SlowDispatch<'_>| {
        seen.lock().unwrap().push((one.message.name, one.message.kind, one.elapsed, one.threshold));
    });
    (latency, slow)
}

/// A synchronous bus on which everything takes as many milliseconds as the message says.
fn sync_bus(clock: &ManualClock, latency: Latency) -> SyncBus {
    let [count, pay, paid, print] = [(); 4].map(|()| clock.clone());
    SyncBus::empty()
        .clock(clock.clone())
        .query(move |query: Count| {
            count.sleep(ms(query.0));
            1
        })
        .command(move |command: Pay| {
            pay.sleep(ms(command.0));
            assert!(command.0 != 666, "not with this money");
            if command.0 == 13 { Err("no luck") } else { Ok(()) }
        })
        .subscribe(move |event: &Paid| paid.sleep(ms(event.0)))
        .task(move |task: Print| print.sleep(ms(task.0)))
        .layer(latency)
        .build()
        .unwrap()
}

/// S11.
#[test]
fn all_four_kinds_are_measured() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let bus = sync_bus(&clock, Latency::new(&stats));
    bus.send(Count(1)).unwrap();
    bus.execute(Pay(2)).unwrap();
    bus.publish(Paid(3)).unwrap();
    bus.dispatch(Print(4)).unwrap();
    let mut listed: Vec<_> = stats.all_percentiles().iter().map(|one| (one.max, one.message.kind)).collect();
    listed.sort();
    let expected = [(1, Kind::Query), (2, Kind::Command), (3, Kind::Event), (4, Kind::Task)];
    assert_eq!(listed, expected.map(|(milliseconds, kind)| (ms(milliseconds), kind)));
}

/// S11, S15.
#[tokio::test]
async fn all_four_kinds_are_measured_over_the_await() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let [count, pay, paid, print] = [(); 4].map(|()| clock.clone());
    let bus = Bus::empty()
        .clock(clock)
        .query_async(move |query: Count| {
            let clock = count.clone();
            async move {
                clock.sleep_async(ms(query.0)).await;
                tokio::task::yield_now().await;
                clock.sleep_async(ms(query.0)).await;
                1
            }
        })
        .command(move |command: Pay| pay.sleep(ms(command.0)))
        .subscribe_async(move |event: &Paid| paid.sleep_async(ms(event.0)))
        .task_async(move |task: Print| print.sleep_async(ms(task.0)))
        .layer(Latency::new(&stats))
        .build()
        .unwrap();
    bus.send(Count(1)).await.unwrap();
    bus.execute(Pay(3)).await.unwrap();
    bus.publish(Paid(4)).await.unwrap();
    bus.dispatch(Print(5)).await.unwrap();
    let mut listed: Vec<_> = stats.all_percentiles().iter().map(|one| (one.max, one.message.kind)).collect();
    listed.sort();
    let expected = [(2, Kind::Query), (3, Kind::Command), (4, Kind::Event), (5, Kind::Task)];
    assert_eq!(listed, expected.map(|(milliseconds, kind)| (ms(milliseconds), kind)));
}

/// S11: the error and the panic are the caller's, and both are samples.
#[test]
fn failures_and_panics_are_samples_too() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let (latency, slow) = noting(&stats, ms(12));
    let bus = sync_bus(&clock, latency);
    assert!(bus.execute(Pay(13)).unwrap_err().to_string().contains("no luck"));
    let panic = catch_unwind(AssertUnwindSafe(|| bus.execute(Pay(666)))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"not with this money"));
    let pay = stats.percentiles::<Pay>().unwrap();
    assert_eq!((pay.count, pay.min, pay.max), (2, ms(13), ms(666)));
    assert_eq!(slow.lock().unwrap().iter().map(|one| one.2).collect::<Vec<_>>(), [ms(13), ms(666)]);
}

/// T8: a dispatch that is dropped on the way took as long as it was there.
#[test]
fn an_abandoned_dispatch_is_a_sample() {
    let (clock, stats) = (ManualClock::stopped(), LatencyStats::new());
    let sleeping = clock.clone();
    let bus = Bus::empty()
        .clock(clock.clone())
        .command_async(move |command: Pay| sleeping.sleep_async(ms(command.0)))
        .layer(Latency::new(&stats))
        .build()
        .unwrap();
    let mut pay = Box::pin(bus.execute(Pay(50)));
    assert!(pay.as_mut().now_or_never().is_none());
    clock.advance(ms(20));
    assert!(stats.percentiles::<Pay>().is_none());
    drop(pay);
    let pay = stats.percentiles::<Pay>().unwrap();
    assert_eq!((pay.count, pay.max), (1, ms(20)));
}

/// S12.
#[test]
fn only_what_takes_longer_than_the_threshold_is_slow() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let (latency, slow) = noting(&stats, ms(20));
    let bus = sync_bus(&clock, latency);
    bus.send(Count(20)).unwrap();
    assert!(slow.lock().unwrap().is_empty());
    bus.send(Count(21)).unwrap();
    bus.publish(Paid(22)).unwrap();
    let [first, second] = &slow.lock().unwrap()[..] else { panic!("two are slow") };
    assert_eq!(*first, ("shop.Count", Kind::Query, ms(21), ms(20)));
    assert_eq!((second.1, second.2), (Kind::Event, ms(22)));
}

/// S11, S12: 100 ms and a warning by default.
#[test]
fn slow_dispatches_are_logged_by_default() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let bus = sync_bus(&clock, Latency::new(&stats));
    let ((), log) = logged(|| {
        bus.send(Count(100)).unwrap();
        bus.send(Count(101)).unwrap();
    });
    let [line] = &log[..] else { panic!("{log:?}") };
    assert!(line.starts_with("WARN slow query handler: `shop.Count` took 101.00 ms, by `"), "{line}");
}

/// S13.
#[test]
fn a_callback_that_panics_masks_nothing() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let latency = Latency::new(&stats).threshold(ms(1)).on_slow(|_| panic!("the pager is broken"));
    let bus = sync_bus(&clock, latency);
    let ((), log) = logged(|| {
        assert_eq!(bus.send(Count(5)).unwrap(), 1);
        assert!(bus.execute(Pay(13)).unwrap_err().to_string().contains("no luck"));
    });
    assert_eq!(log.len(), 2);
    // T7: not what it panicked with, which may hold what the message held.
    assert!(log.iter().all(|line| line == "ERROR an observer panicked"), "{log:?}");
    assert_eq!(stats.all_percentiles().iter().map(|one| one.count).collect::<Vec<_>>(), [1, 1]);
}

/// S11, S14.
#[test]
fn a_threshold_of_zero_is_refused() {
    let latency = Latency::new(&LatencyStats::new()).threshold(Duration::ZERO);
    let refused = SyncBus::empty().command(|_: Pay| ()).layer(latency).build().unwrap_err().to_string();
    assert!(refused.contains("BUS013") && refused.contains("threshold is zero"), "{refused}");
    let shortest = Latency::new(&LatencyStats::new()).threshold(Duration::from_nanos(1));
    assert!(SyncBus::empty().command(|_: Pay| ()).layer(shortest).build().is_ok());
}

/// S15.
#[test]
fn two_buses_share_one_stats() {
    let (clock, stats) = (ManualClock::new(), LatencyStats::new());
    let bus = sync_bus(&clock, Latency::new(&stats));
    let other = Bus::empty().clock(clock).query(|_: Count| 1).layer(Latency::new(&stats)).build().unwrap();
    bus.send(Count(4)).unwrap();
    other.send(Count(4)).now_or_never().expect("the handler is plain").unwrap();
    let LatencyPercentiles { count, handlers, min, max, .. } = percentiles(&stats);
    assert_eq!((count, min, max), (2, ms(0), ms(4)));
    assert_eq!(handlers.len(), 2);
    assert!(handlers.iter().all(|handler| handler.location.file.ends_with("latency.rs")));
}

/// S11: an outer layer's time is not in the sample, an inner one's is.
#[test]
fn what_is_inside_is_measured() {
    struct Slow(ManualClock);

    impl Around for Slow {
        fn call(&self, dispatch: &mut Dispatch<'_>, next: Next<'_>) -> Done {
            self.0.sleep(ms(10));
            next.run(dispatch)
        }
    }

    let (clock, outer, inner) = (ManualClock::new(), LatencyStats::new(), LatencyStats::new());
    let bus = SyncBus::empty()
        .clock(clock.clone())
        .query(|_: Count| 1)
        .layer(Latency::new(&outer))
        .layer(Slow(clock))
        .layer(Latency::new(&inner))
        .build()
        .unwrap();
    bus.send(Count(0)).unwrap();
    assert_eq!((percentiles(&outer).max, percentiles(&inner).max), (ms(10), ms(0)));
}

/// As above, over an await.
#[tokio::test]
async fn what_is_inside_is_measured_on_a_bus() {
    struct Slow(ManualClock);

    impl AsyncAround for Slow {
        async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
            self.0.sleep_async(ms(10)).await;
            next.run(dispatch).await
        }
    }

    let (clock, outer, inner) = (ManualClock::new(), LatencyStats::new(), LatencyStats::new());
    let bus = Bus::empty()
        .clock(clock.clone())
        .query(|_: Count| 1)
        .layer(Latency::new(&outer))
        .layer(Slow(clock))
        .layer(Latency::new(&inner))
        .build()
        .unwrap();
    bus.send(Count(0)).await.unwrap();
    assert_eq!((percentiles(&outer).max, percentiles(&inner).max), (ms(10), ms(0)));
}

#[test]
fn explain_says_what_is_set_and_where() {
    let stats = LatencyStats::with_max_samples(50).unwrap();
    let bus = SyncBus::empty().query(|_: Count| 1).layer(Latency::new(&stats)).build().unwrap();
    let text = bus.explain::<Count>().unwrap().to_string();
    assert!(text.contains("Latency") && text.contains("threshold = 100ms (default)"), "{text}");
    assert!(text.contains("max_samples = 50 (set on the layer)"), "{text}");
}

/// What `work` logs on this thread for the target `linkbus`: the level and the message of each event.
fn logged<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Lines::default();
    let result = support::listening(lines.clone(), work);
    let lines = std::mem::take(&mut *lines.0.lock().unwrap());
    (result, lines)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "linkbus"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let Text { message, panic } = text;
        self.0.lock().unwrap().push(format!("{} {message}{panic}", event.metadata().level()));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    panic: String,
}

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "panic" => self.panic = format!(": {value:?}"),
            _ => {}
        }
    }
}
