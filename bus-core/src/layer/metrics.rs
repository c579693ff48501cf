//! What the dispatches of a bus amount to, told to the recorder of the [`metrics`](::metrics) facade.

use std::sync::OnceLock;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, Unit};

use super::{Dispatch, Layer, Link, Observer, Outcome, Reason, Site};
use crate::{error::SubscriberFailure, flavor::Flavor};

const DISPATCHES: &str = "linkbus_dispatches_total";
const FAILURES: &str = "linkbus_failures_total";
const RETRIES: &str = "linkbus_retries_total";
const TIMEOUTS: &str = "linkbus_timeouts_total";
const IN_FLIGHT: &str = "linkbus_in_flight";
const DURATION: &str = "linkbus_duration_seconds";
const LETTERS: &str = "linkbus_dead_letters_total";
const LOST_LETTERS: &str = "linkbus_dead_letters_lost_total";

/// The values of the label `reason`: why a dispatch did not succeed.
const REASONS: [&str; 11] = [
    Reason::Handler.label(),
    Reason::Panicked.label(),
    "abandoned",
    Reason::TimedOut.label(),
    Reason::NotStarted.label(),
    Reason::Overloaded.label(),
    Reason::Refused.label(),
    Reason::NoHandler.label(),
    Reason::RecursionLimit.label(),
    Reason::ShutDown.label(),
    Reason::Transport.label(),
];

/// Counts and times every dispatch for the recorder of the `metrics` facade: Prometheus, `statsd`, OpenTelemetry.
///
/// | metric | type | labels | what it is |
/// |---|---|---|---|
/// | `linkbus_dispatches_total` | counter | | dispatches that ended, whatever the outcome |
/// | `linkbus_failures_total` | counter | `reason` | those that did not succeed; the reasons are the words of [`Outcome::label`] |
/// | `linkbus_retries_total` | counter | | attempts after the first |
/// | `linkbus_timeouts_total` | counter | | dispatches, and subscribers of an event, whose time was over |
/// | `linkbus_in_flight` | gauge | | dispatches that have started and not ended |
/// | `linkbus_duration_seconds` | histogram | | how long a dispatch took, in seconds |
///
/// Each has the labels `message` (the wire name), `kind` and, but for events, `handler`. All series exist, at zero, from
/// the time the bus is built and there are never more of them: no label has anything to do with what a message holds.
/// [`DeadLetters`](super::DeadLetters) has two more of its own, an [`Inbox`](super::Inbox) one, with the label `result`.
///
/// It counts what passes through its place in the chain: outside a retry whole dispatches, inside one every attempt. Between two
/// retries `linkbus_retries_total` is too small: of the retry inside it counts one attempt at most after the first.
/// A recorder has to be installed before the bus is built. If there is none the layer is left out, which costs nothing and
/// which [`explain`](crate::Bus::explain) says; a recorder whose type has no size cannot be told from none: install it in a `Box`.
///
/// ```
/// # #[derive(linkbus::Command)]
/// # struct Pay;
/// use linkbus::{SyncBus, layer::Metrics};
///
/// // install a recorder first, such as that of `metrics-exporter-prometheus`
/// let bus = SyncBus::empty().command(|_: Pay| ()).layer(Metrics::new()).build().unwrap();
/// bus.execute(Pay).unwrap();
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Metrics {
    described: OnceLock<()>,
}

impl Metrics {
    /// The metrics above.
    pub fn new() -> Self {
        Metrics::default()
    }

    fn describe(&self, recorder: &dyn Recorder) {
        self.described.get_or_init(|| describe(recorder));
    }
}

fn describe(recorder: &dyn Recorder) {
    let counters = [
        (DISPATCHES, "Dispatches that ended, whatever the outcome."),
        (FAILURES, "Dispatches that did not succeed, by reason."),
        (RETRIES, "Attempts after the first."),
        (TIMEOUTS, "Dispatches, and subscribers of an event, whose time was over."),
    ];
    for (name, text) in counters {
        recorder.describe_counter(name.into(), Some(Unit::Count), text.into());
    }
    let in_flight = "Dispatches that have started and not ended.";
    recorder.describe_gauge(IN_FLIGHT.into(), Some(Unit::Count), in_flight.into());
    recorder.describe_histogram(DURATION.into(), Some(Unit::Seconds), "How long a dispatch took.".into());
}

pub(super) const METADATA: Metadata<'static> = Metadata::new("linkbus", Level::INFO, Some(module_path!()));

/// The series of one message.
struct Series {
    dispatches: Counter,
    /// In the order of [`REASONS`].
    failures: [Counter; REASONS.len()],
    retries: Counter,
    timeouts: Counter,
    in_flight: Gauge,
    duration: Histogram,
}

impl Series {
    fn register(site: &Site<'_>, recorder: &dyn Recorder) -> Self {
        let (labels, metadata) = (labels(site), METADATA);
        let key = |name: &'static str| Key::from_parts(name, labels.clone());
        let failures = |reason| {
            let reason = Label::from_static_parts("reason", reason);
            let key = Key::from_parts(FAILURES, [&labels[..], &[reason]].concat());
            recorder.register_counter(&key, &metadata)
        };
        Series {
            dispatches: recorder.register_counter(&key(DISPATCHES), &metadata),
            failures: REASONS.map(failures),
            retries: recorder.register_counter(&key(RETRIES), &metadata),
            timeouts: recorder.register_counter(&key(TIMEOUTS), &metadata),
            in_flight: recorder.register_gauge(&key(IN_FLIGHT), &metadata),
            duration: recorder.register_histogram(&key(DURATION), &metadata),
        }
    }

    #[cold]
    fn count_failure(&self, outcome: Outcome<'_>) {
        if let Some(place) = REASONS.iter().position(|reason| *reason == outcome.label()) {
            self.failures[place].increment(1);
        }
        let timeouts = timeouts(outcome);
        if timeouts > 0 {
            self.timeouts.increment(timeouts);
        }
    }
}

/// The series of the dead letters of one message: told to nobody if there is no recorder.
pub(super) struct Letters {
    kept: Counter,
    lost: Counter,
}

impl Letters {
    /// They are described for the first message of a layer.
    pub(super) fn register(site: &Site<'_>, described: &OnceLock<()>) -> Self {
        metrics::with_recorder(|recorder| {
            described.get_or_init(|| describe_letters(recorder));
            let labels = labels(site);
            let counter = |name| recorder.register_counter(&Key::from_parts(name, labels.clone()), &METADATA);
            Letters { kept: counter(LETTERS), lost: counter(LOST_LETTERS) }
        })
    }

    pub(super) fn kept(&self) {
        self.kept.increment(1);
    }

    pub(super) fn lost(&self) {
        self.lost.increment(1);
    }
}

fn describe_letters(recorder: &dyn Recorder) {
    let kept = "Dead letters that the store took.";
    recorder.describe_counter(LETTERS.into(), Some(Unit::Count), kept.into());
    let lost = "Dead letters that the store did not take.";
    recorder.describe_counter(LOST_LETTERS.into(), Some(Unit::Count), lost.into());
}

pub(super) fn labels(site: &Site<'_>) -> Vec<Label> {
    let message = site.message();
    let handler = site.handlers().first().filter(|_| message.kind.has_one_handler());
    let labels = [("message", message.name), ("kind", message.kind.label())];
    let labels = labels.into_iter().chain(handler.map(|handler| ("handler", handler.name)));
    labels.map(|(name, value)| Label::from_static_parts(name, value)).collect()
}

/// How often time was over: for the dispatch, or for subscribers.
fn timeouts(outcome: Outcome<'_>) -> u64 {
    let Some(failed) = outcome.failed() else { return 0 };
    match failed.reason() {
        Reason::TimedOut | Reason::NotStarted => 1,
        _ => {
            let failures = failed.subscribers().iter().map(|subscriber| &subscriber.failure);
            failures.filter(|failure| matches!(failure, SubscriberFailure::TimedOut { .. })).count() as u64
        }
    }
}

impl Observer for Series {
    fn start(&self, _: &mut Dispatch<'_>) {
        self.in_flight.increment(1.0);
    }

    fn end(&self, dispatch: &mut Dispatch<'_>) {
        self.in_flight.decrement(1.0);
        self.dispatches.increment(1);
        if let Some(elapsed) = dispatch.elapsed() {
            self.duration.record(elapsed);
        }
        let retries = dispatch.retries();
        if retries > 0 {
            self.retries.increment(retries.into());
        }
        let outcome = dispatch.outcome();
        if !matches!(outcome, Outcome::Succeeded) {
            self.count_failure(outcome);
        }
    }

    fn reads_clock(&self) -> bool {
        true
    }
}

impl<B: Flavor> Layer<B> for Metrics {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        metrics::with_recorder(|recorder| {
            // The one that stands for none has no fields, and what its type is cannot be asked.
            if size_of_val(recorder) == 0 {
                return site.leave_out(
                    "there was no recorder when the bus was built: install it before, in a `Box` if it has no fields",
                );
            }
            self.describe(recorder);
            Some(Link::observer(Series::register(site, recorder)))
        })
    }
}
