//! The layer `Trace`: which spans there are, what they say, and what is inside them.

#[path = "support/listen.rs"]
mod support;
#[path = "support/twice.rs"]
mod twice;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use linkbus::{
    Bus, Command, Event, Query, SyncBus, Task,
    layer::{Dispatch, Observer, Timeout, Trace},
};
use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt, registry::LookupSpan};

use self::twice::Twice;

#[derive(Query)]
#[query(reply = u32, name = "shop.Double")]
struct Double(u32);

#[derive(Command)]
#[command(name = "shop.Pay")]
struct Pay;

#[derive(Event)]
#[event(name = "shop.Paid")]
struct Paid;

#[derive(Task)]
#[task(name = "shop.Print")]
struct Print;

fn panic_with(text: &str) {
    panic!("{text}")
}

#[derive(Debug)]
struct Broke(&'static str);

impl std::fmt::Display for Broke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broke {}

type Fields = BTreeMap<&'static str, String>;

/// One span, as a subscriber sees it.
#[derive(Clone, Debug)]
struct Seen {
    id: u64,
    name: &'static str,
    level: Level,
    parent: Option<u64>,
    fields: Fields,
    is_closed: bool,
}

/// One event: its fields, and the span that it is in.
#[derive(Clone, Debug)]
struct Logged {
    fields: Fields,
    within: Option<u64>,
}

/// A subscriber that remembers everything.
#[derive(Clone, Default)]
struct Watch {
    spans: Arc<Mutex<Vec<Seen>>>,
    events: Arc<Mutex<Vec<Logged>>>,
}

struct Collect<'a>(&'a mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
        self.0.insert(field.name(), causes.collect::<Vec<_>>().join(": "));
    }
}

impl Watch {
    /// Watches what `run` does.
    fn during<T>(level: LevelFilter, run: impl FnOnce() -> T) -> (Watch, T) {
        let watch = Watch::default();
        let subscriber = tracing_subscriber::registry().with(watch.clone().with_filter(level));
        let result = support::listening(subscriber, run);
        (watch, result)
    }

    /// Watches what `run` does, in a runtime of one thread.
    fn during_async<T>(level: LevelFilter, run: impl Future<Output = T>) -> (Watch, T) {
        Watch::during(level, || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run))
    }

    fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap().clone()
    }

    /// The spans of `linkbus`; all of them are closed.
    fn dispatches(&self) -> Vec<Seen> {
        let spans = self.spans().into_iter().filter(|span| span.fields.contains_key("messaging.system"));
        spans.inspect(|span| assert!(span.is_closed, "{span:?}")).collect()
    }

    fn only(&self) -> Seen {
        let spans = self.dispatches();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans[0].clone()
    }

    /// The spans that the events with this message are in, by name.
    fn around(&self, message: &str) -> Vec<Option<&'static str>> {
        let (spans, events) = (self.spans(), self.events.lock().unwrap());
        let events = events.iter().filter(|event| event.fields.get("message").is_some_and(|text| text == message));
        events.map(|event| Some(spans.iter().rfind(|span| Some(span.id) == event.within)?.name)).collect()
    }

    /// Everything that was said, in one text.
    fn text(&self) -> String {
        format!("{:?} {:?}", self.spans(), self.events.lock().unwrap())
    }

    fn update(&self, id: &Id, change: impl FnOnce(&mut Seen)) {
        change(self.spans.lock().unwrap().iter_mut().rfind(|span| span.id == id.into_u64()).unwrap());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watch {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).unwrap().parent().map(|parent| parent.id().into_u64());
        let mut fields = Fields::new();
        attributes.record(&mut Collect(&mut fields));
        let metadata = attributes.metadata();
        let (name, level) = (metadata.name(), *metadata.level());
        assert!(metadata.target() == "linkbus" || !fields.contains_key("messaging.system"));
        self.spans.lock().unwrap().push(Seen { id: id.into_u64(), name, level, parent, fields, is_closed: false });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.update(id, |span| values.record(&mut Collect(&mut span.fields)));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Collect(&mut fields));
        let within = context.event_span(event).map(|span| span.id().into_u64());
        self.events.lock().unwrap().push(Logged { fields, within });
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.update(&id, |span| span.is_closed = true);
    }
}

impl Seen {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    #[track_caller]
    fn has(&self, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            assert_eq!(self.field(name), Some(*value), "{name} of {self:?}");
        }
    }

    #[track_caller]
    fn has_failed_with(&self, outcome: &str) {
        self.has(&[("linkbus.outcome", outcome), ("error.type", outcome), ("otel.status_code", "ERROR")]);
    }
}

fn sync_bus() -> SyncBus {
    SyncBus::empty()
        .query(|query: Double| query.0 * 2)
        .command(|_: Pay| Err::<(), _>(Broke("no money")))
        .subscribe(|_: &Paid| ())
        .subscribe(|_: &Paid| Err::<(), _>(Broke("no mail")))
        .task(|_: Print| tracing::info!("printing"))
        .layer(Trace::new())
        .build()
        .unwrap()
}

fn bus() -> Bus {
    Bus::empty()
        .query_async(|query: Double| async move {
            tokio::task::yield_now().await;
            query.0 * 2
        })
        .command_async(|_: Pay| async { Err::<(), _>(Broke("no money")) })
        .subscribe_async(|_: &Paid| tokio::task::yield_now())
        .subscribe(|_: &Paid| Err::<(), _>(Broke("no mail")))
        .task_async(|_: Print| async {
            tokio::task::yield_now().await;
            tracing::info!("printing");
        })
        .layer(Trace::new())
        .build()
        .unwrap()
}

fn check_all_kinds(watch: &Watch) {
    let spans = watch.dispatches();
    let names: Vec<_> = spans.iter().map(|span| span.name).collect();
    assert_eq!(names, ["send", "execute", "publish", "dispatch"]);
    for (span, (kind, message)) in spans.iter().zip([
        ("query", "shop.Double"),
        ("command", "shop.Pay"),
        ("event", "shop.Paid"),
        ("task", "shop.Print"),
    ]) {
        assert_eq!(span.level, Level::INFO);
        span.has(&[
            ("otel.name", &format!("{} {message}", span.name)),
            ("otel.kind", "internal"),
            ("messaging.system", "linkbus"),
            ("messaging.operation.name", span.name),
            ("messaging.operation.type", "process"),
            ("messaging.destination.name", message),
            ("linkbus.kind", kind),
            ("linkbus.attempt", "1"),
        ]);
        assert_eq!(span.field("linkbus.handler").is_some(), kind != "event");
        assert_eq!(span.field("messaging.message.id"), None);
    }
    for succeeded in [&spans[0], &spans[3]] {
        succeeded.has(&[("linkbus.outcome", "succeeded")]);
        assert_eq!((succeeded.field("error.type"), succeeded.field("otel.status_code")), (None, None));
    }
    spans[1].has_failed_with("failed");
    spans[2].has_failed_with("failed");
    spans[2].has(&[("linkbus.subscribers", "2"), ("linkbus.failed_subscribers", "1")]);
    assert!(spans[2].field("linkbus.failed_handlers").unwrap().contains("closure"));
    assert_eq!(watch.around("printing"), [Some("dispatch")]);
}

#[test]
fn every_kind_has_a_span_that_says_what_became_of_it() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        let bus = sync_bus();
        bus.send(Double(2)).unwrap();
        bus.execute(Pay).unwrap_err();
        bus.publish(Paid).unwrap_err();
        bus.dispatch(Print).unwrap();
    });
    check_all_kinds(&watch);
}

#[test]
fn every_kind_has_a_span_on_a_bus() {
    let (watch, ()) = Watch::during_async(LevelFilter::INFO, async {
        let bus = bus();
        bus.send(Double(2)).await.unwrap();
        bus.execute(Pay).await.unwrap_err();
        bus.publish(Paid).await.unwrap_err();
        bus.dispatch(Print).await.unwrap();
    });
    check_all_kinds(&watch);
}

/// R6.
#[test]
fn a_panic_ends_the_span() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        let bus = SyncBus::empty().command(|_: Pay| panic_with("ouch")).layer(Trace::new()).build().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| bus.execute(Pay))).is_err());
        assert!(tracing::Span::current().is_none());
    });
    watch.only().has_failed_with("panicked");
}

/// R6.
#[test]
fn a_panic_ends_the_span_on_a_bus() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        let handler = |_: Pay| async {
            tokio::task::yield_now().await;
            panic_with("ouch");
        };
        let bus = Bus::empty().command_async(handler).layer(Trace::new()).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| runtime.block_on(bus.execute(Pay)))).is_err());
        assert!(tracing::Span::current().is_none());
    });
    watch.only().has_failed_with("panicked");
}

struct SaysWhenDropped;

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        tracing::info!("cleaning up");
    }
}

/// R7. What the handler leaves behind is dropped in its span.
#[test]
fn a_dropped_dispatch_ends_the_span() {
    let (watch, ()) = Watch::during_async(LevelFilter::INFO, async {
        let handler = |_: Pay| async {
            let _guard = SaysWhenDropped;
            std::future::pending::<()>().await;
        };
        let bus = Bus::empty().command_async(handler).layer(Trace::new()).build().unwrap();
        let mut dispatch = Box::pin(bus.execute(Pay));
        assert!((&mut dispatch).now_or_never().is_none());
        drop(dispatch);
    });
    watch.only().has_failed_with("abandoned");
    assert_eq!(watch.around("cleaning up"), [Some("execute")]);
}

#[test]
fn a_dispatch_that_is_never_polled_has_no_span() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || drop(bus().dispatch(Print)));
    assert!(watch.spans().is_empty());
}

/// A span is current while its handler is polled, and at no other time.
#[test]
fn concurrent_dispatches_keep_to_their_spans() {
    let (watch, ()) = Watch::during_async(LevelFilter::INFO, async {
        let bus = Bus::empty()
            .query_async(|query: Double| async move {
                for _ in 0..3 {
                    tracing::info!("doubling");
                    tokio::task::yield_now().await;
                }
                query.0 * 2
            })
            .task_async(|_: Print| async {
                for _ in 0..3 {
                    tracing::info!("printing");
                    tokio::task::yield_now().await;
                }
            })
            .layer(Trace::new())
            .build()
            .unwrap();
        let outside = async {
            for _ in 0..3 {
                tracing::info!("elsewhere");
                tokio::task::yield_now().await;
            }
        };
        let (double, print, ()) = tokio::join!(bus.send(Double(1)), bus.dispatch(Print), outside);
        assert!(double.is_ok() && print.is_ok());
    });
    assert_eq!(watch.dispatches().iter().map(|span| span.parent).collect::<Vec<_>>(), [None, None]);
    assert_eq!(watch.around("doubling"), [Some("send"); 3]);
    assert_eq!(watch.around("printing"), [Some("dispatch"); 3]);
    assert_eq!(watch.around("elsewhere"), [None; 3]);
}

#[test]
fn what_a_handler_dispatches_is_inside_its_span() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        let inner = sync_bus();
        let handler = move |_: Pay| inner.send(Double(1)).map(drop).unwrap();
        let bus = SyncBus::empty().command(handler).layer(Trace::new()).build().unwrap();
        tracing::info_span!("request").in_scope(|| bus.execute(Pay)).unwrap();
    });
    let [request, execute, send] = &watch.spans()[..] else { panic!("{:?}", watch.spans()) };
    assert_eq!((request.name, execute.name, send.name), ("request", "execute", "send"));
    assert_eq!((execute.parent, send.parent), (Some(request.id), Some(execute.id)));
}

#[test]
fn what_a_handler_dispatches_is_inside_its_span_on_a_bus() {
    let (watch, ()) = Watch::during_async(LevelFilter::INFO, async {
        let inner = bus();
        let handler = move |_: Pay| {
            let inner = inner.clone();
            async move {
                tokio::task::yield_now().await;
                inner.send(Double(1)).await.map(drop).unwrap();
            }
        };
        let bus = Bus::empty().command_async(handler).layer(Trace::new()).build().unwrap();
        bus.execute(Pay).await.unwrap();
    });
    let [execute, send] = &watch.dispatches()[..] else { panic!("{:?}", watch.spans()) };
    assert_eq!((execute.name, send.name, send.parent), ("execute", "send", Some(execute.id)));
}

fn check_twice(watch: &Watch) {
    let [outer, first, second] = &watch.dispatches()[..] else { panic!("{:?}", watch.spans()) };
    assert_eq!((outer.parent, first.parent, second.parent), (None, Some(outer.id), Some(outer.id)));
}

/// Outside a retry there is one span, inside it one for each attempt.
#[test]
fn every_call_of_what_is_inside_has_its_span() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        let bus = SyncBus::empty().command(|_: Pay| ());
        bus.layer(Trace::new()).layer(Twice).layer(Trace::new()).build().unwrap().execute(Pay).unwrap();
    });
    check_twice(&watch);
}

#[test]
fn every_call_of_what_is_inside_has_its_span_on_a_bus() {
    let (watch, ()) = Watch::during_async(LevelFilter::INFO, async {
        let bus = Bus::empty().command(|_: Pay| ());
        bus.layer(Trace::new()).layer(Twice).layer(Trace::new()).build().unwrap().execute(Pay).await.unwrap();
    });
    check_twice(&watch);
}

struct Logs(&'static str);

impl Observer for Logs {
    fn start(&self, _: &mut Dispatch<'_>) {
        tracing::info!("{}", self.0);
    }

    fn end(&self, _: &mut Dispatch<'_>) {
        tracing::info!("{}", self.0);
    }
}

#[test]
fn layers_inside_are_in_the_span_and_layers_outside_are_not() {
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        let bus = SyncBus::empty().command(|_: Pay| ()).layer(Logs("outside")).layer(Trace::new());
        bus.layer(Logs("inside")).build().unwrap().execute(Pay).unwrap();
    });
    assert_eq!(watch.around("outside"), [None; 2]);
    assert_eq!(watch.around("inside"), [Some("execute"); 2]);
}

#[test]
fn a_second_one_in_the_same_place_is_left_out() {
    let bus = SyncBus::empty().command(|_: Pay| ()).layer(Trace::new()).layer(Trace::new()).build().unwrap();
    let explained = &bus.explain::<Pay>().unwrap().layers;
    assert!(explained[0].left_out.is_none() && explained[1].left_out.is_some(), "{explained:?}");
    let (watch, ()) = Watch::during(LevelFilter::INFO, || bus.execute(Pay).unwrap());
    watch.only();
}

#[test]
fn what_nobody_handles_has_a_span() {
    let bus = SyncBus::builder().partial().layer(Trace::new()).build().unwrap();
    let (watch, ()) = Watch::during(LevelFilter::INFO, || bus.publish(Paid).unwrap());
    watch.only().has(&[("linkbus.subscribers", "0"), ("linkbus.outcome", "succeeded")]);
    let (watch, ()) = Watch::during(LevelFilter::INFO, || drop(bus.execute(Pay).unwrap_err()));
    watch.only().has_failed_with("no_handler");
}

#[test]
fn no_span_is_made_where_its_level_is_off() {
    let (watch, ()) = Watch::during(LevelFilter::WARN, || {
        sync_bus().execute(Pay).unwrap_err();
    });
    assert!(watch.spans().is_empty());
    let run =
        || SyncBus::empty().command(|_: Pay| ()).layer(Trace::new().with_debug_level()).build().unwrap().execute(Pay);
    assert!(Watch::during(LevelFilter::INFO, run).0.spans().is_empty());
    assert_eq!(Watch::during(LevelFilter::DEBUG, run).0.only().level, Level::DEBUG);
}

#[test]
fn ids_are_those_of_the_context() {
    let ids = Arc::new(Mutex::new(None));
    let seen = ids.clone();
    let (watch, ()) = Watch::during(LevelFilter::INFO, || {
        struct Ids(Arc<Mutex<Option<linkbus::Context>>>);
        impl Observer for Ids {
            fn end(&self, dispatch: &mut Dispatch<'_>) {
                *self.0.lock().unwrap() = Some(dispatch.context());
            }
        }
        let bus = SyncBus::empty().command(|_: Pay| ()).layer(Trace::new().with_ids()).layer(Ids(seen)).build();
        bus.unwrap().execute(Pay).unwrap();
    });
    let context = ids.lock().unwrap().unwrap();
    watch.only().has(&[
        ("messaging.message.id", &context.id().to_string()),
        ("messaging.message.conversation_id", &context.correlation_id().to_string()),
    ]);
}

const SECRET: &str = "hunter2-hunter2";

#[derive(Command, Debug, Clone)]
struct Login {
    #[bus(secret)]
    password: String,
    name: &'static str,
}

fn log_in(error_text: bool, level: LevelFilter) -> Watch {
    let trace = if error_text { Trace::new().with_error_text() } else { Trace::new() };
    let run = || {
        let bus = SyncBus::empty()
            .command(|login: Login| if login.password.len() == 15 { Err(Broke(login.name)) } else { Ok(()) })
            .subscribe(|_: &Paid| panic_with(SECRET))
            .subscribe(|_: &Paid| Err::<(), _>(Broke(SECRET)))
            .layer(trace.with_ids())
            .build()
            .unwrap();
        bus.execute(Login { password: SECRET.into(), name: SECRET }).unwrap_err();
        bus.publish(Paid).unwrap_err();
    };
    Watch::during(level, run).0
}

/// T7.
#[test]
fn what_messages_errors_and_panics_say_is_in_no_span() {
    for level in [LevelFilter::INFO, LevelFilter::TRACE] {
        let watch = log_in(false, level);
        assert_eq!(watch.dispatches().len(), 2);
        assert!(!watch.text().contains(SECRET), "{}", watch.text());
    }
}

#[test]
fn error_texts_are_for_debug_and_by_option_only() {
    assert!(!log_in(true, LevelFilter::INFO).text().contains(SECRET));
    let watch = log_in(true, LevelFilter::DEBUG);
    let events = watch.events.lock().unwrap();
    assert_eq!(events.len(), 1, "none of the message with a secret field: {events:?}");
    let text = events[0].fields.get("error").unwrap();
    assert!(text.contains(SECRET), "{text}");
    assert_eq!(events[0].within, Some(watch.spans()[1].id));
}

/// Panics at one thing that it is told, and when it is told about that.
struct Grumpy(&'static str);

impl Grumpy {
    fn told(&self, what: &str) {
        assert!(self.0 != what, "told: {what}");
    }
}

impl Subscriber for Grumpy {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.told("new");
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        self.told("record");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("told: event");
    }

    fn enter(&self, _: &Id) {
        self.told("enter");
    }

    fn exit(&self, _: &Id) {
        self.told("exit");
    }

    fn try_close(&self, _: Id) -> bool {
        self.told("close");
        true
    }
}

/// Counts the ends that it sees.
struct Ends(Arc<Mutex<Vec<&'static str>>>);

impl Observer for Ends {
    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.0.lock().unwrap().push(dispatch.outcome().label());
    }
}

/// R6: also while the panic of a handler unwinds, where a second one would end the process, and on another thread.
#[test]
fn a_subscriber_that_panics_harms_nobody() {
    for what in ["new", "record", "enter", "exit", "close"] {
        support::listening(Grumpy(what), || {
            let ends = Arc::default();
            let handle = |double: Double| {
                if double.0 == 0 {
                    panic_with("ouch");
                }
                double.0 * 2
            };
            let timeout = || Timeout::after(Duration::from_secs(3600));
            for is_limited in [false, true] {
                let bus = SyncBus::empty().query(handle);
                let bus = bus.layer(Ends(Arc::clone(&ends))).layer(Trace::new()).layer(Ends(Arc::clone(&ends)));
                let bus = if is_limited { bus.layer(timeout()) } else { bus }.build().unwrap();
                assert_eq!(bus.send(Double(2)).unwrap(), 4, "{what}");
                assert!(catch_unwind(AssertUnwindSafe(|| bus.send(Double(0)))).is_err());
            }
            let bus = Bus::empty().query_async(move |double: Double| async move {
                tokio::task::yield_now().await;
                handle(double)
            });
            let bus = bus.layer(Ends(Arc::clone(&ends))).layer(Trace::new()).layer(Ends(Arc::clone(&ends)));
            let bus = bus.build().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            assert_eq!(runtime.block_on(bus.send(Double(2))).unwrap(), 4, "{what}");
            assert!(catch_unwind(AssertUnwindSafe(|| runtime.block_on(bus.send(Double(0))))).is_err());
            assert!(bus.send(Double(2)).boxed().now_or_never().is_none());
            let once = ["succeeded", "succeeded", "panicked", "panicked"];
            let all = [&once[..], &once, &once, &["abandoned", "abandoned"]].concat();
            assert_eq!(*ends.lock().unwrap(), all, "{what}");
        });
    }
}
