//! How long a handler may take, and what becomes of one that takes longer.

#[path = "support/until.rs"]
mod deadline;
#[path = "support/listen.rs"]
mod support;

use std::{
    future::{Future, pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use linkbus::{
    Bus, Command, Context, Event, ExecuteError, Kind, PublishError, Query, SendError, SubscriberFailure, SyncBus, Task,
    clock::{ManualClock, Time},
    handler,
    layer::{AsyncAround, AsyncNext, Concurrency, Dispatch, Done, Observer, Timeout},
};
use tokio::task::yield_now;

use self::deadline::{until, until_scoped};

#[derive(Query)]
#[query(reply = u32)]
struct Ask;

#[derive(Command)]
struct Act;

#[derive(Event)]
struct Happened;

#[derive(Task)]
struct Work;

const SECOND: Duration = Duration::from_secs(1);

/// What a layer saw, one entry for each end.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<&'static str>>>, Arc<AtomicUsize>);

impl Observer for Ends {
    fn start(&self, _: &mut Dispatch<'_>) {
        self.1.fetch_add(1, Relaxed);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.outcome().label());
    }
}

impl Ends {
    fn seen(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    fn take(&self) -> (usize, Vec<&'static str>) {
        (self.1.swap(0, Relaxed), std::mem::take(&mut *self.0.lock().unwrap()))
    }
}

/// Says when it is dropped.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Where handlers wait to be let through.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<(usize, bool)>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().0 += 1;
        changed.notify_all();
        drop(changed.wait_while(state.lock().unwrap(), |(_, is_open)| !*is_open).unwrap());
    }

    fn wait_for(&self, arrived: usize) {
        let (state, changed) = &*self.0;
        drop(changed.wait_while(state.lock().unwrap(), |(now, _)| *now < arrived).unwrap());
    }

    fn open(&self) {
        self.0.0.lock().unwrap().1 = true;
        self.0.1.notify_all();
    }

    fn arrived(&self) -> usize {
        self.0.0.lock().unwrap().0
    }
}

/// Moves the clock on until all of `calls` are over; gives what they came to.
fn results<T>(clock: &ManualClock, calls: Vec<thread::ScopedJoinHandle<'_, T>>) -> Vec<T> {
    until_scoped(|| {
        clock.advance(SECOND);
        calls.iter().all(thread::ScopedJoinHandle::is_finished)
    });
    calls.into_iter().map(|call| call.join().unwrap()).collect()
}

fn polled_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(Waker::noop()))
}

mod on_a_bus {
    use super::*;

    /// T1. The default is 5 seconds, for all four kinds.
    #[tokio::test(start_paused = true)]
    async fn every_kind_is_limited() {
        let bus = Bus::empty()
            .query_async(|_: Ask| pending::<u32>())
            .command_async(|_: Act| pending::<()>())
            .task_async(|_: Work| pending::<()>())
            .subscribe_async(|_: &Happened| pending::<()>())
            .layer(Timeout::new())
            .build()
            .unwrap();
        let five = 5 * SECOND;
        assert!(matches!(bus.send(Ask).await, Err(SendError::TimedOut { after, .. }) if after == five));
        assert!(matches!(bus.execute(Act).await, Err(ExecuteError::TimedOut { after, .. }) if after == five));
        let error = bus.dispatch(Work).await.unwrap_err();
        assert!(matches!(error, linkbus::DispatchError::TimedOut { after, .. } if after == five));
        let error = bus.publish(Happened).await.unwrap_err();
        let [failed] = error.failures() else { panic!("{error}") };
        assert!(matches!(failed.failure, SubscriberFailure::TimedOut { after } if after == five));
    }

    /// T7.
    #[tokio::test(start_paused = true)]
    async fn the_handler_is_dropped_where_it_waits() {
        let (dropped, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (outside, inside) = (Ends::default(), Ends::default());
        let (guard, end) = (dropped.clone(), finished.clone());
        let bus = Bus::empty()
            .command_async(move |_: Act| {
                let (guard, end) = (Guard(guard.clone()), end.clone());
                async move {
                    tokio::time::sleep(60 * SECOND).await;
                    end.fetch_add(1, Relaxed);
                    drop(guard);
                }
            })
            .layer(outside.clone())
            .layer(Timeout::after(SECOND))
            .layer(inside.clone())
            .build()
            .unwrap();
        let error = bus.execute(Act).await.unwrap_err();
        assert_eq!(dropped.load(Relaxed), 1);
        assert_eq!((outside.seen(), inside.seen()), (vec!["timed_out"], vec!["abandoned"]));
        tokio::time::sleep(120 * SECOND).await;
        assert_eq!(finished.load(Relaxed), 0);
        assert_eq!(error.to_string(), "the handler of command `timeout.Act` exceeded its time-out of 1s");
    }

    #[test]
    fn what_is_over_in_the_same_poll_is_not_too_late() {
        let clock = ManualClock::stopped();
        let hands = clock.clone();
        let bus = Bus::empty()
            .query_async(move |_: Ask| {
                let hands = hands.clone();
                async move {
                    yield_now().await;
                    hands.advance(60 * SECOND);
                    7
                }
            })
            .layer(Timeout::after(SECOND))
            .clock(clock)
            .build()
            .unwrap();
        let mut call = pin!(bus.send(Ask));
        assert!(polled_once(call.as_mut()).is_pending());
        assert!(matches!(polled_once(call), Poll::Ready(Ok(7))));
    }

    /// A clock that counts what waits for it.
    struct Counting(Arc<AtomicUsize>);

    impl Time for Counting {
        fn sleep_async(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            self.0.fetch_add(1, Relaxed);
            Box::pin(pending())
        }
    }

    #[tokio::test]
    async fn no_timer_is_made_for_a_handler_that_does_not_wait() {
        let timers = Arc::new(AtomicUsize::new(0));
        let bus = Bus::empty()
            .query_async(|_: Ask| async { 7 })
            .command_async(|_: Act| async {
                for _ in 0..5 {
                    yield_now().await;
                }
            })
            .subscribe_async(|_: &Happened| async {})
            .layer(Timeout::new())
            .clock(Counting(timers.clone()))
            .build()
            .unwrap();
        assert_eq!(bus.send(Ask).await.unwrap(), 7);
        bus.publish(Happened).await.unwrap();
        assert_eq!(timers.load(Relaxed), 0);
        bus.execute(Act).await.unwrap();
        assert_eq!(timers.load(Relaxed), 1);
    }

    /// The timer has what is left of the time when the handler first waits.
    #[tokio::test]
    async fn time_that_the_handler_used_before_it_waited_counts() {
        let clock = ManualClock::stopped();
        let hands = clock.clone();
        let bus = Bus::empty()
            .command_async(move |_: Act| {
                hands.advance(2 * SECOND);
                pending::<()>()
            })
            .layer(Timeout::after(3 * SECOND))
            .clock(clock.clone())
            .build()
            .unwrap();
        let mut call = pin!(bus.execute(Act));
        assert!(polled_once(call.as_mut()).is_pending());
        clock.advance(SECOND);
        assert!(matches!(polled_once(call), Poll::Ready(Err(ExecuteError::TimedOut { .. }))));
    }

    /// Gives what is dispatched to the handler only later.
    struct Later;

    impl AsyncAround for Later {
        async fn call(&self, dispatch: &mut Dispatch<'_>, next: AsyncNext<'_>) -> Done {
            tokio::time::sleep(60 * SECOND).await;
            next.run(dispatch).await
        }
    }

    /// A plain `fn` cannot be interrupted, but the layers inside can.
    #[tokio::test(start_paused = true)]
    async fn around_a_plain_fn_only_the_layers_inside_are_limited() {
        let bus = Bus::empty().query(|_: Ask| 7).layer(Timeout::after(SECOND)).build().unwrap();
        let explained = bus.explain::<Ask>().unwrap().to_string();
        assert!(explained.contains("left out, its handler is a plain `fn`"), "{explained}");
        let bus = Bus::empty().query(|_: Ask| 7).layer(Timeout::after(SECOND)).layer(Later).build().unwrap();
        let explained = bus.explain::<Ask>().unwrap().to_string();
        assert!(explained.contains("interrupts = layers inside that wait, but not the plain `fn`"), "{explained}");
        assert!(matches!(bus.send(Ask).await, Err(SendError::TimedOut { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_takes_too_long_is_dropped_and_the_others_finish() {
        let (dropped, finished) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (guard, first, last) = (dropped.clone(), finished.clone(), finished.clone());
        let count = |finished: &Arc<AtomicUsize>| {
            let finished = finished.clone();
            async move {
                tokio::time::sleep(SECOND / 2).await;
                finished.fetch_add(1, Relaxed);
            }
        };
        let timeout = Timeout::after(SECOND);
        let counts = timeout.counts();
        let bus = Bus::empty()
            .subscribe_async(move |_: &Happened| count(&first))
            .subscribe_async(move |_: &Happened| {
                let guard = Guard(guard.clone());
                async move {
                    pending::<()>().await;
                    drop(guard);
                }
            })
            .subscribe(|_: &Happened| ())
            .subscribe_async(move |_: &Happened| count(&last))
            .subscribe_async(|_: &Happened| async { Err::<(), _>("no") })
            .layer(timeout)
            .build()
            .unwrap();
        let error = bus.publish(Happened).await.unwrap_err();
        let [slow, failed] = error.failures() else { panic!("{error}") };
        assert!(matches!(slow.failure, SubscriberFailure::TimedOut { after } if after == SECOND));
        assert!(matches!(failed.failure, SubscriberFailure::Handler(_)));
        assert_eq!((dropped.load(Relaxed), finished.load(Relaxed), counts.timed_out()), (1, 2, 1));
        assert!(error.to_string().contains("exceeded its time-out of 1s"), "{error}");
    }

    /// The subscriber has until its own time is over, which begins when it is called.
    #[tokio::test(start_paused = true)]
    async fn the_shortest_of_several_time_outs_counts() {
        for (outer, inner) in [(1, 3), (3, 1)] {
            let bus = Bus::empty()
                .query_async(|_: Ask| pending::<u32>())
                .subscribe_async(|_: &Happened| pending::<()>())
                .layer(Timeout::after(outer * SECOND))
                .layer(Timeout::after(inner * SECOND))
                .build()
                .unwrap();
            let error = bus.send(Ask).await.unwrap_err();
            assert!(matches!(error, SendError::TimedOut { after, .. } if after == SECOND));
            let error = bus.publish(Happened).await.unwrap_err();
            assert!(matches!(error.failures()[0].failure, SubscriberFailure::TimedOut { after } if after == SECOND));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_that_panics_when_it_is_dropped_takes_nobody_with_it() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        let bus = Bus::empty()
            .subscribe_async(|_: &Happened| async {
                let bomb = Bomb;
                pending::<()>().await;
                std::mem::forget(bomb);
            })
            .subscribe_async(|_: &Happened| tokio::time::sleep(SECOND / 2))
            .layer(Timeout::after(SECOND))
            .build()
            .unwrap();
        let error = bus.publish(Happened).await.unwrap_err();
        let [failed] = error.failures() else { panic!("{error}") };
        assert!(matches!(&failed.failure, SubscriberFailure::Panicked(text) if text == "boom"));
    }

    /// R6.
    #[tokio::test]
    async fn a_panic_unwinds_into_the_caller() {
        let (outside, inside) = (Ends::default(), Ends::default());
        let bus = Bus::empty()
            .command_async(|_: Act| async {
                yield_now().await;
                if true {
                    std::panic::panic_any(41_u8)
                }
            })
            .layer(outside.clone())
            .layer(Timeout::new())
            .layer(inside.clone())
            .build()
            .unwrap();
        let panic = {
            let mut call = Box::pin(bus.execute(Act));
            assert!(polled_once(call.as_mut()).is_pending());
            catch_unwind(AssertUnwindSafe(|| polled_once(call.as_mut()).is_ready())).unwrap_err()
        };
        assert_eq!(*panic.downcast_ref::<u8>().unwrap(), 41);
        assert_eq!((outside.take(), inside.take()), ((1, vec!["panicked"]), (1, vec!["panicked"])));
    }

    /// T6.
    #[tokio::test(start_paused = true)]
    async fn after_close_there_is_still_a_limit() {
        let bus = Bus::empty().command_async(|_: Act| pending::<()>()).layer(Timeout::after(SECOND)).build().unwrap();
        bus.close().await.unwrap();
        bus.close().await.unwrap();
        assert!(matches!(bus.execute(Act).await, Err(ExecuteError::TimedOut { .. })));
    }

    /// R7. Dropping a dispatch at any of its awaits ends everything that was begun, once.
    #[tokio::test(start_paused = true)]
    async fn a_dispatch_may_be_dropped_anywhere() {
        let handled = Arc::new(AtomicUsize::new(0));
        let (outside, inside) = (Ends::default(), Ends::default());
        let work = || {
            let guard = Guard(handled.clone());
            move || {
                let guard = Guard(guard.0.clone());
                async move {
                    yield_now().await;
                    yield_now().await;
                    drop(guard);
                }
            }
        };
        let (query, command, task, event) = (work(), work(), work(), work());
        let timeout = Timeout::after(SECOND);
        let bus = Bus::empty()
            .query_async(move |_: Ask| {
                let work = query();
                async move {
                    work.await;
                    7
                }
            })
            .command_async(move |_: Act| command())
            .task_async(move |_: Work| task())
            .subscribe_async(move |_: &Happened| event())
            .layer(outside.clone())
            .layer(Timeout::after(2 * SECOND))
            .layer(inside.clone())
            .layer(timeout)
            .build()
            .unwrap();
        let polls = [
            enumerate(|| async { assert_eq!(bus.send(Ask).await.unwrap(), 7) }, &outside, &inside).await,
            enumerate(|| async { bus.execute(Act).await.unwrap() }, &outside, &inside).await,
            enumerate(|| async { bus.dispatch(Work).await.unwrap() }, &outside, &inside).await,
            enumerate(|| async { bus.publish(Happened).await.unwrap() }, &outside, &inside).await,
        ];
        assert_eq!(polls, [3; 4]);
    }

    /// Drops the call after 0 polls, 1, 2, .. until it finishes; gives how many it takes.
    async fn enumerate<F: Future<Output = ()>>(call: impl Fn() -> F, outside: &Ends, inside: &Ends) -> usize {
        for polls in 0.. {
            let mut future = Box::pin(call());
            let mut left = polls;
            let finished = poll_fn(|task| {
                if left == 0 {
                    return Poll::Ready(false);
                }
                left -= 1;
                future.as_mut().poll(task).map(|()| true)
            });
            let is_finished = finished.await;
            drop(future);
            let expected = match (polls, is_finished) {
                (0, _) => (0, vec![]),
                (_, false) => (1, vec!["abandoned"]),
                (_, true) => (1, vec!["succeeded"]),
            };
            assert_eq!((outside.take(), inside.take()), (expected.clone(), expected));
            if is_finished {
                return polls;
            }
        }
        unreachable!()
    }
}

mod on_a_sync_bus {
    use super::*;

    /// T2.
    #[test]
    fn the_handler_runs_on_a_thread_of_the_layer() {
        let bus = SyncBus::empty()
            .query(|_: Ask| u32::from(thread::current().name().unwrap().starts_with("linkbus-timeout-")))
            .layer(Timeout::new())
            .build()
            .unwrap();
        assert_eq!(bus.send(Ask).unwrap(), 1);
    }

    #[test]
    fn one_after_the_other_needs_one_thread() {
        let names = Arc::new(Mutex::new(Vec::new()));
        let seen = names.clone();
        let bus = SyncBus::empty()
            .command(move |_: Act| seen.lock().unwrap().push(thread::current().id()))
            .layer(Timeout::new().threads(4).queue(0))
            .build()
            .unwrap();
        for _ in 0..100 {
            bus.execute(Act).unwrap();
        }
        names.lock().unwrap().dedup();
        assert_eq!(names.lock().unwrap().len(), 1);
    }

    /// T1, T3. The caller goes, the handler goes on.
    #[test]
    fn a_handler_that_takes_too_long_runs_on_to_its_end() {
        let (clock, gate, finished) = (ManualClock::stopped(), Gate::default(), Arc::new(AtomicUsize::new(0)));
        let stuck = || {
            let (gate, finished) = (gate.clone(), finished.clone());
            move || {
                gate.pass();
                finished.fetch_add(1, Relaxed);
            }
        };
        let (query, command, task, event) = (stuck(), stuck(), stuck(), stuck());
        let timeout = Timeout::after(2 * SECOND).threads(4);
        let counts = timeout.counts();
        let (outside, inside) = (Ends::default(), Ends::default());
        let bus = SyncBus::empty()
            .query(move |_: Ask| {
                query();
                7
            })
            .command(move |_: Act| command())
            .task(move |_: Work| task())
            .subscribe(move |_: &Happened| event())
            .layer(outside.clone())
            .layer(timeout)
            .layer(inside.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        thread::scope(|scope| {
            let calls = vec![
                scope.spawn(|| matches!(bus.send(Ask), Err(SendError::TimedOut { after, .. }) if after == 2 * SECOND)),
                scope.spawn(|| matches!(bus.execute(Act), Err(ExecuteError::TimedOut { .. }))),
                scope.spawn(|| matches!(bus.dispatch(Work), Err(linkbus::DispatchError::TimedOut { .. }))),
                scope.spawn(|| matches!(bus.publish(Happened), Err(PublishError::TimedOut { .. }))),
            ];
            gate.wait_for(4);
            assert_eq!(results(&clock, calls), [true; 4]);
        });
        assert_eq!((counts.timed_out(), counts.left_running(), finished.load(Relaxed)), (4, 4, 0));
        assert_eq!((outside.seen(), inside.seen()), (vec!["timed_out"; 4], vec![]));
        gate.open();
        until(|| counts.left_running() == 0);
        assert_eq!(finished.load(Relaxed), 4);
        assert_eq!(inside.seen(), ["succeeded"; 4]);
    }

    /// As `docs/layers/concurrency.md` says: the permit of a limit outside is for as long as the caller waits, that of a limit
    /// inside for as long as the handler runs.
    #[test]
    fn a_call_that_goes_on_without_its_caller_has_its_permit_from_a_limit_inside_only() {
        let run = |is_outside: bool| {
            let (clock, gate, limit) = (ManualClock::stopped(), Gate::default(), Concurrency::of_bus(1));
            let (handler, timeout) = (gate.clone(), Timeout::after(2 * SECOND));
            let counts = timeout.counts();
            let bus = SyncBus::empty().command(move |_: Act| handler.pass()).clock(clock.clone());
            let bus = if is_outside {
                bus.layer(limit.clone()).layer(timeout)
            } else {
                bus.layer(timeout).layer(limit.clone())
            };
            let bus = bus.build().unwrap();
            thread::scope(|scope| {
                let first = scope.spawn(|| matches!(bus.execute(Act), Err(ExecuteError::TimedOut { .. })));
                gate.wait_for(1);
                assert_eq!(results(&clock, vec![first]), [true]);
                let second = scope.spawn(|| bus.execute(Act));
                if is_outside {
                    gate.wait_for(2);
                    assert_eq!((counts.left_running(), limit.stats().in_flight), (1, 1));
                } else {
                    until(|| limit.stats().waiting == 1);
                    assert_eq!((gate.arrived(), limit.stats().in_flight), (1, 1));
                }
                gate.open();
                second.join().unwrap().unwrap();
            });
        };
        run(true);
        run(false);
    }

    /// T4.
    #[test]
    fn a_call_that_finds_no_thread_in_time_never_starts() {
        let (clock, gate) = (ManualClock::stopped(), Gate::default());
        let handler = gate.clone();
        let timeout = Timeout::after(2 * SECOND).threads(2);
        let counts = timeout.counts();
        let bus =
            SyncBus::empty().command(move |_: Act| handler.pass()).layer(timeout).clock(clock.clone()).build().unwrap();
        let said = thread::scope(|scope| {
            let calls = (0..8).map(|_| scope.spawn(|| bus.execute(Act).unwrap_err())).collect();
            gate.wait_for(2);
            results(&clock, calls)
        });
        let timed_out = said.iter().filter(|error| matches!(error, ExecuteError::TimedOut { .. })).count();
        let not_started = said.iter().filter(|error| matches!(error, ExecuteError::NotStarted { .. }));
        let texts: Vec<_> = not_started.map(ToString::to_string).collect();
        assert_eq!((timed_out, texts.len()), (2, 6));
        assert_eq!(texts[0], "the handler of command `timeout.Act` could not start within 2s");
        assert_eq!((counts.timed_out(), counts.not_started(), counts.left_running()), (2, 6, 2));
        gate.open();
        until(|| counts.left_running() == 0);
        bus.execute(Act).unwrap();
        assert_eq!(gate.arrived(), 3);
    }

    #[test]
    fn a_full_queue_refuses_at_once() {
        let gate = Gate::default();
        let handler = gate.clone();
        let timeout = Timeout::after(3600 * SECOND).threads(1).queue(0);
        let counts = timeout.counts();
        let bus = SyncBus::empty().command(move |_: Act| handler.pass()).layer(timeout).build().unwrap();
        thread::scope(|scope| {
            let first = scope.spawn(|| bus.execute(Act));
            gate.wait_for(1);
            assert!(matches!(bus.execute(Act), Err(ExecuteError::Overloaded { .. })));
            gate.open();
            first.join().unwrap().unwrap();
        });
        assert_eq!(counts.overloaded(), 1);
    }

    /// R6.
    #[test]
    fn a_panic_unwinds_into_the_caller() {
        let inside = Ends::default();
        let bus = SyncBus::empty()
            .command(|_: Act| {
                if true {
                    std::panic::panic_any(41_u8)
                }
            })
            .query(|_: Ask| 7)
            .layer(Timeout::new().threads(1).queue(0))
            .layer(inside.clone())
            .build()
            .unwrap();
        for _ in 0..100 {
            let panic = catch_unwind(AssertUnwindSafe(|| bus.execute(Act))).unwrap_err();
            assert_eq!(*panic.downcast_ref::<u8>().unwrap(), 41);
        }
        assert_eq!(inside.take(), (100, vec!["panicked"; 100]));
        assert_eq!(bus.send(Ask).unwrap(), 7);
    }

    /// R6. Nobody waits for it any more, so it is counted.
    #[test]
    fn a_panic_that_comes_too_late_is_counted() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        let (clock, gate) = (ManualClock::stopped(), Gate::default());
        let handler = gate.clone();
        let timeout = Timeout::after(SECOND).threads(1);
        let counts = timeout.counts();
        let bus = SyncBus::empty()
            .command(move |_: Act| {
                handler.pass();
                if true {
                    std::panic::panic_any(Bomb)
                }
            })
            .query(|_: Ask| 7)
            .layer(timeout)
            .clock(clock.clone())
            .build()
            .unwrap();
        thread::scope(|scope| {
            let calls = vec![scope.spawn(|| bus.execute(Act).is_err())];
            gate.wait_for(1);
            assert_eq!(results(&clock, calls), [true]);
        });
        gate.open();
        until(|| counts.left_running() == 0);
        assert_eq!(counts.late_panics(), 1);
        assert_eq!(bus.send(Ask).unwrap(), 7);
    }

    /// T6, M9.
    #[test]
    fn after_close_the_caller_runs_the_handler_itself() {
        let bus = SyncBus::empty()
            .query(|_: Ask| u32::from(thread::current().name().unwrap().starts_with("linkbus-timeout-")))
            .layer(Timeout::new())
            .build()
            .unwrap();
        assert_eq!(bus.send(Ask).unwrap(), 1);
        bus.close().unwrap();
        bus.close().unwrap();
        assert_eq!(bus.send(Ask).unwrap(), 0);
    }

    /// What waits for a thread when the bus is closed still gets one.
    #[test]
    fn close_leaves_nobody_waiting() {
        let gate = Gate::default();
        let handler = gate.clone();
        let bus = SyncBus::empty()
            .command(move |_: Act| handler.pass())
            .layer(Timeout::after(3600 * SECOND).threads(1))
            .build()
            .unwrap();
        thread::scope(|scope| {
            let calls = [(); 3].map(|()| scope.spawn(|| bus.execute(Act)));
            gate.wait_for(1);
            bus.close().unwrap();
            gate.open();
            for call in calls {
                call.join().unwrap().unwrap();
            }
        });
    }

    /// A nested call waits for a second thread, but not for ever.
    #[test]
    fn a_pool_that_waits_for_itself_does_not_wait_for_ever() {
        #[derive(Command)]
        struct Outer;
        let (clock, gate) = (ManualClock::stopped(), Gate::default());
        let inner = Arc::new(Mutex::new(None));
        let (nested, arrived, said) = (Arc::new(Mutex::new(None::<SyncBus>)), gate.clone(), inner.clone());
        let bus_of_handler = nested.clone();
        let bus = SyncBus::empty()
            .command(|_: Act| ())
            .command(move |_: Outer| {
                let bus = bus_of_handler.lock().unwrap().clone().unwrap();
                arrived.open();
                arrived.pass();
                *said.lock().unwrap() = Some(bus.execute(Act));
            })
            .layer(Timeout::after(2 * SECOND).threads(1))
            .clock(clock.clone())
            .build()
            .unwrap();
        *nested.lock().unwrap() = Some(bus.clone());
        thread::scope(|scope| {
            let calls = vec![scope.spawn(|| bus.execute(Outer).is_err())];
            gate.wait_for(1);
            while inner.lock().unwrap().is_none() {
                clock.advance(SECOND);
                thread::yield_now();
            }
            results(&clock, calls);
        });
        assert!(matches!(*inner.lock().unwrap(), Some(Err(ExecuteError::NotStarted { .. }))));
        *nested.lock().unwrap() = None;
    }

    /// After a time-out nothing of the call is left, once the handler is done.
    #[test]
    fn nothing_keeps_the_bus() {
        let (clock, gate, dropped) = (ManualClock::stopped(), Gate::default(), Arc::new(AtomicUsize::new(0)));
        let (handler, guard) = (gate.clone(), Guard(dropped.clone()));
        let bus = SyncBus::empty()
            .command(move |_: Act| {
                let _ = &guard;
                handler.pass();
            })
            .layer(Timeout::after(SECOND).threads(1))
            .clock(clock.clone())
            .build()
            .unwrap();
        thread::scope(|scope| {
            let calls = (0..3).map(|_| scope.spawn(|| bus.execute(Act).is_err())).collect();
            gate.wait_for(1);
            assert_eq!(results(&clock, calls), [true; 3]);
        });
        drop(bus);
        assert_eq!(dropped.load(Relaxed), 0);
        gate.open();
        until(|| dropped.load(Relaxed) == 1);
    }
}

mod on_both {
    use linkbus::{Bus, Fault, Flavor};

    use super::*;

    /// A time-out that is the handler's own.
    #[derive(Debug, thiserror::Error, PartialEq)]
    #[error("the shop did not answer in time")]
    struct ShopTimedOut;

    #[derive(Command)]
    #[command(error = ShopTimedOut)]
    struct Buy;

    /// T5. It is not taken for one of the layer.
    #[tokio::test]
    async fn a_time_out_of_the_handlers_own_stays_what_it_is() {
        let timeout = Timeout::new();
        let counts = timeout.counts();
        let bus = Bus::empty()
            .command_async(|_: Buy| async {
                yield_now().await;
                Err::<(), _>(ShopTimedOut)
            })
            .layer(timeout)
            .build()
            .unwrap();
        assert!(matches!(bus.execute(Buy).await, Err(ExecuteError::Handler(ShopTimedOut))));
        let sync_bus =
            SyncBus::empty().command(|_: Buy| Err::<(), _>(ShopTimedOut)).layer(Timeout::new()).build().unwrap();
        assert!(matches!(sync_bus.execute(Buy), Err(ExecuteError::Handler(ShopTimedOut))));
        assert_eq!(counts.timed_out(), 0);
    }

    /// What a layer inside measured, and how the call ended there.
    #[derive(Clone, Default)]
    struct Took(Arc<Mutex<Vec<(&'static str, Duration)>>>);

    impl Observer for Took {
        fn end(&self, dispatch: &mut Dispatch<'_>) {
            self.0.lock().unwrap().push((dispatch.outcome().label(), dispatch.elapsed().unwrap()));
        }

        fn reads_clock(&self) -> bool {
            true
        }
    }

    /// T8.
    #[tokio::test]
    async fn what_is_measured_inside_is_measured_to_the_end() {
        let clock = ManualClock::stopped();
        let took = Took::default();
        let bus = Bus::empty()
            .command_async(|_: Act| pending::<()>())
            .layer(Timeout::after(3 * SECOND))
            .layer(took.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        {
            let mut call = pin!(bus.execute(Act));
            assert!(polled_once(call.as_mut()).is_pending());
            clock.advance(3 * SECOND);
            assert!(polled_once(call).is_ready());
        }
        assert_eq!(*took.0.lock().unwrap(), [("abandoned", 3 * SECOND)]);
        let (took, gate, timeout) = (Took::default(), Gate::default(), Timeout::after(3 * SECOND));
        let (handler, counts) = (gate.clone(), timeout.counts());
        let bus = SyncBus::empty()
            .command(move |_: Act| handler.pass())
            .layer(timeout)
            .layer(took.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        thread::scope(|scope| {
            let calls = vec![scope.spawn(|| bus.execute(Act).is_err())];
            gate.wait_for(1);
            assert_eq!(results(&clock, calls), [true]);
        });
        gate.open();
        until(|| counts.left_running() == 0);
        let took = took.0.lock().unwrap();
        assert_eq!(took.len(), 1);
        assert!(took[0].0 == "succeeded" && took[0].1 >= 3 * SECOND, "{took:?}");
    }

    fn with_limits<B: Flavor>(builder: linkbus::Builder<B>) -> linkbus::Builder<B>
    where
        Timeout: linkbus::layer::Layer<B>,
    {
        let timeout = Timeout::after(4 * SECOND)
            .for_kind(Kind::Query, 3 * SECOND)
            .for_kind(Kind::Task, 9 * SECOND)
            .for_message::<Ask>(2 * SECOND);
        builder.layer(timeout)
    }

    #[derive(Query)]
    #[query(reply = u32)]
    struct Count;

    #[tokio::test(start_paused = true)]
    async fn the_closest_limit_counts() {
        let bus = Bus::empty()
            .query_async(|_: Ask| pending::<u32>())
            .query_async(|_: Count| pending::<u32>())
            .command_async(|_: Act| pending::<()>())
            .subscribe_async(|_: &Happened| pending::<()>())
            .subscribe(|_: &Happened| ());
        let bus = with_limits(bus).build().unwrap();
        assert!(matches!(bus.send(Ask).await, Err(SendError::TimedOut { after, .. }) if after == 2 * SECOND));
        assert!(matches!(bus.send(Count).await, Err(SendError::TimedOut { after, .. }) if after == 3 * SECOND));
        assert!(matches!(bus.execute(Act).await, Err(ExecuteError::TimedOut { after, .. }) if after == 4 * SECOND));
        let lines =
            |text: String| text.lines().filter(|line| line.contains(" = ")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            lines(bus.explain::<Ask>().unwrap().to_string()),
            [
                "    after = 2s (set on the layer for this message)",
                "    bounds = the whole dispatch (by the order of the layers)"
            ]
        );
        assert!(bus.explain::<Count>().unwrap().to_string().contains("after = 3s (set on the layer for this kind)"));
        assert!(bus.explain::<Act>().unwrap().to_string().contains("after = 4s (set on the layer)"));
        let event = lines(bus.explain::<Happened>().unwrap().to_string());
        assert!(event[0].ends_with("= after 4s (set on the layer)"), "{event:?}");
        assert!(event[1].contains("= no limit, it is a plain `fn`"), "{event:?}");
    }

    #[test]
    fn explain_says_what_the_pool_is() {
        let bus = SyncBus::empty().query(|_: Ask| 7).subscribe(|_: &Happened| ());
        let bus = bus.layer(Timeout::new().threads(3)).build().unwrap();
        let explained = bus.explain::<Ask>().unwrap().to_string();
        for line in ["after = 5s (default)", "threads = 3 (set on the layer)", "queue = 1024 (default)"] {
            assert!(explained.contains(line), "{explained}");
        }
        assert!(bus.explain::<Happened>().unwrap().to_string().contains("bounds = all subscribers together"));
    }

    #[test]
    fn a_message_that_nobody_handles_is_not_limited() {
        let module = linkbus::Module::linked("timeout");
        let bus = Bus::empty().modules([module]).partial().layer(Timeout::new());
        let bus = bus.provide(Deadlines(Instant::now(), Arc::default())).build().unwrap();
        assert!(bus.explain::<Ask>().unwrap().to_string().contains("left out, nothing here handles it"));
    }

    fn refusal(faults: &[Fault]) -> &str {
        match faults {
            [Fault::LayerRefused { reason, .. }] => reason,
            other => panic!("{other:?}"),
        }
    }

    /// T1.
    #[test]
    fn a_limit_of_zero_is_refused() {
        let zero = Duration::ZERO;
        let layers =
            [Timeout::after(zero), Timeout::new().for_kind(Kind::Query, zero), Timeout::new().for_message::<Ask>(zero)];
        for timeout in layers {
            let error = SyncBus::empty().query(|_: Ask| 7).query(|_: Count| 7).layer(timeout).build().unwrap_err();
            assert!(refusal(error.faults()).starts_with("a time-out must be longer than 0, got 0ns"), "{error}");
        }
        let error = Bus::empty().query_async(|_: Ask| async { 7 }).layer(Timeout::after(zero)).build().unwrap_err();
        assert!(refusal(error.faults()).starts_with("a time-out must be longer than 0, got 0ns"), "{error}");
        let error = SyncBus::empty().query(|_: Ask| 7).layer(Timeout::new().threads(0)).build().unwrap_err();
        assert!(refusal(error.faults()).contains("was given 0 of them"), "{error}");
    }

    /// The longest time that there is has no end, and does not overflow.
    #[tokio::test]
    async fn a_limit_that_never_ends_is_none() {
        let bus = Bus::empty()
            .query_async(|_: Ask| async {
                yield_now().await;
                7
            })
            .layer(Timeout::after(Duration::MAX))
            .build()
            .unwrap();
        assert_eq!(bus.send(Ask).await.unwrap(), 7);
        let bus = SyncBus::empty().query(|_: Ask| 7).layer(Timeout::after(Duration::MAX)).build().unwrap();
        assert_eq!(bus.send(Ask).unwrap(), 7);
    }

    /// What the layers and the handler are told about the deadline, in seconds from the start.
    #[derive(Clone)]
    struct Deadlines(Instant, Arc<Mutex<Vec<Option<u64>>>>);

    impl Deadlines {
        fn note(&self, deadline: Option<Instant>) {
            self.1.lock().unwrap().push(deadline.map(|deadline| (deadline - self.0).as_secs()));
        }

        fn take(&self) -> Vec<Option<u64>> {
            std::mem::take(&mut *self.1.lock().unwrap())
        }
    }

    impl Observer for Deadlines {
        fn end(&self, dispatch: &mut Dispatch<'_>) {
            self.note(dispatch.deadline());
        }
    }

    #[derive(Command)]
    struct Hurry;

    #[handler]
    async fn hurry(_: Hurry, context: &Context, deadlines: &Deadlines) {
        yield_now().await;
        deadlines.note(context.deadline());
    }

    fn around(builder: linkbus::Builder<Bus>, outer: u32, inner: u32) -> (linkbus::Builder<Bus>, Deadlines) {
        let clock = ManualClock::stopped();
        let deadlines = Deadlines(clock.now(), Arc::default());
        let builder = builder
            .partial()
            .provide(deadlines.clone())
            .layer(deadlines.clone())
            .layer(Timeout::after(outer * SECOND))
            .layer(deadlines.clone())
            .layer(Timeout::after(inner * SECOND))
            .layer(deadlines.clone())
            .clock(clock);
        (builder, deadlines)
    }

    /// From the handler outwards: of two limits the one that ends first, and outside a limit nothing of it.
    #[tokio::test]
    async fn the_deadline_is_known_inside_and_nowhere_else() {
        let modules = linkbus::Module::linked("timeout");
        for (outer, inner, seen) in [(5, 2, [2, 2, 5]), (2, 5, [2, 2, 2])] {
            let expected = [Some(seen[0]), Some(seen[1]), Some(seen[2]), None];
            let (builder, deadlines) = around(Bus::empty().modules([modules]), outer, inner);
            builder.build().unwrap().execute(Hurry).await.unwrap();
            assert_eq!(deadlines.take(), expected);
        }
    }
}

mod log {
    use std::io;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log_of(run: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || writer.clone());
        super::support::listening(subscriber.finish(), run);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    /// T2.
    #[test]
    fn a_time_out_is_logged_once_as_a_warning() {
        let clock = ManualClock::stopped();
        let bus = Bus::empty()
            .query_async(|_: Ask| pending::<u32>())
            .subscribe_async(|_: &Happened| pending::<()>())
            .layer(Timeout::after(SECOND / 2))
            .layer(Timeout::after(SECOND))
            .clock(clock.clone())
            .build()
            .unwrap();
        let said = log_of(|| {
            let (mut call, mut event) = (pin!(bus.send(Ask)), pin!(bus.publish(Happened)));
            assert!(polled_once(call.as_mut()).is_pending());
            assert!(polled_once(event.as_mut()).is_pending());
            clock.advance(SECOND / 2);
            assert!(polled_once(call).is_ready());
            assert!(polled_once(event).is_ready());
        });
        let lines: Vec<_> = said.lines().collect();
        let [call, event] = lines[..] else { panic!("{said}") };
        let text =
            " WARN linkbus: the handler of query `timeout.Ask` exceeded its time-out of 500ms name=\"timeout.Ask\"";
        assert!(call.starts_with(text), "{call}");
        assert!(event.starts_with(" WARN linkbus: subscriber `"), "{event}");
        assert!(event.contains("` of event `timeout.Happened` exceeded its time-out of 500ms"), "{event}");
    }

    #[test]
    fn a_call_that_was_withdrawn_is_logged_too() {
        let (clock, gate) = (ManualClock::stopped(), Gate::default());
        let handler = gate.clone();
        let bus = SyncBus::empty()
            .command(move |_: Act| handler.pass())
            .query(|_: Ask| 7)
            .layer(Timeout::after(SECOND).threads(1))
            .clock(clock.clone())
            .build()
            .unwrap();
        let said = thread::scope(|scope| {
            let first = scope.spawn(|| bus.execute(Act).is_err());
            gate.wait_for(1);
            let second = scope.spawn(|| log_of(|| drop(bus.send(Ask).unwrap_err())));
            while !second.is_finished() {
                clock.advance(SECOND);
                thread::yield_now();
            }
            assert!(first.join().unwrap());
            second.join().unwrap()
        });
        assert!(said.contains(" WARN linkbus: query `timeout.Ask` found no free thread within 1s"), "{said}");
        gate.open();
    }
}
