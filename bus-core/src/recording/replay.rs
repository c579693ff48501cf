//! Dispatching what was recorded once more, and comparing what becomes of it.

mod compare;
#[cfg(feature = "file-store")]
mod file;
mod order;
mod report;
mod written;

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

pub use self::{
    compare::Difference,
    report::{ReplayReport, ReplayResult, Replayed, Skipped},
};
use self::{compare::Rules, order::InOrder};
use super::{Filter, Record};
use crate::{
    bus::Bus,
    clock::Clock,
    context::Context,
    flavor::Flavor,
    json::{self, REDACTED},
    layer::Ready,
    message::MessageFacts,
    sync_bus::SyncBus,
};

/// Dispatches what was recorded into a bus and compares what becomes of it: a regression test in a few lines.
///
/// What a handler sent is not dispatched: the handler sends it again. Of several attempts the last is, once. Messages are dispatched one after the other, in the
/// order in which they began; where more than 1,024 dispatches ended between the beginning and the end of one, that one
/// comes later than it did. The same outcome is the same success, or the same way to fail with an error that says the same,
/// and for a query a reply with the same JSON, whatever the order of keys. What was abandoned when it was recorded is dispatched
/// and not compared.
///
/// A message is not dispatched if it was recorded without its payload, or with a part of it redacted, and if the bus does not
/// know it: all that is in the report. The messages have to be `serde::de::DeserializeOwned`, and to have a layer around
/// them or a bus that is [`replayable`](crate::Builder::replayable).
///
/// ```
/// use linkbus::{Query, SyncBus, recording::{MemoryStore, Recording, Replay}};
///
/// #[derive(Query, serde::Serialize, serde::Deserialize)]
/// #[query(reply = u32)]
/// struct PriceOf(String);
///
/// let records = MemoryStore::new();
/// let before = |price: PriceOf| price.0.len() as u32;
/// let bus = SyncBus::empty().query(before).layer(Recording::new(records.clone())).build()?;
/// bus.send(PriceOf("tea".into()))?;
/// bus.send(PriceOf("mug".into()))?;
///
/// let after = |price: PriceOf| if price.0 == "mug" { 4 } else { price.0.len() as u32 };
/// let bus = SyncBus::empty().query(after).replayable().build()?;
/// let report = Replay::new(&bus).run(records.take());
/// assert_eq!((report.same, report.different), (1, 1));
/// println!("{report}"); // .. the result is 4, and was 3
/// # assert!(report.to_string().contains("the result is 4, and was 3"), "{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Replay<'a, B: Flavor> {
    bus: &'a B,
    /// The messages that the bus knows, by wire name.
    messages: HashMap<&'static str, &'static MessageFacts>,
    filter: Filter,
    rules: Rules,
    has_nested: bool,
    passes_redacted: bool,
    pace: Option<f64>,
}

impl<'a, B: Flavor> Replay<'a, B> {
    /// Into `bus`, as fast as it goes.
    pub fn new(bus: &'a B) -> Self {
        let messages = bus.core().wiring.routes().iter().map(|route| (route.message.name, route.message)).collect();
        let (filter, rules) = (Filter::any(), Rules::default());
        Replay { bus, messages, filter, rules, has_nested: false, passes_redacted: false, pace: None }
    }

    /// Replays the records that `filter` lets through, and passes over the others, which are not in the report. Of several
    /// attempts the last is asked about.
    ///
    /// What is wrong with a file is still in the report of `run_file`, for the whole of the file.
    ///
    /// ```
    /// use linkbus::{SyncBus, recording::{Filter, Replay}};
    ///
    /// let bus = SyncBus::empty().build()?;
    /// let replay = Replay::new(&bus).filter(Filter::any().message("orders.*").only_successes());
    /// # assert!(replay.run([]).is_same());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn filter(self, filter: Filter) -> Self {
        Replay { filter, ..self }
    }

    /// Dispatches what handlers sent, too: for a bus on which those handlers are replaced by others that send nothing.
    #[must_use]
    pub fn with_nested(self) -> Self {
        Replay { has_nested: true, ..self }
    }

    /// Passes over messages of which a part was redacted, which cannot be dispatched: without this they are
    /// [skipped](Skipped::Redacted) one by one, and a report with them is not the same.
    ///
    /// ```
    /// # use linkbus::{SyncBus, recording::Replay};
    /// # let bus = SyncBus::empty().build().unwrap();
    /// assert_eq!(Replay::new(&bus).pass_over_redacted().run([]).skipped, 0);
    /// ```
    #[must_use]
    pub fn pass_over_redacted(self) -> Self {
        Replay { passes_redacted: true, ..self }
    }

    /// Waits between the messages as long as it took when they were recorded, by the clock of the bus.
    #[must_use]
    pub fn at_recorded_pace(self) -> Self {
        self.times_faster(1.0)
    }

    /// As [`at_recorded_pace`](Self::at_recorded_pace), and so many times faster; slower if it is below one.
    ///
    /// # Panics
    /// If it is not a number above zero.
    #[must_use]
    pub fn times_faster(self, times: f64) -> Self {
        assert!(
            times.is_finite() && times > 0.0,
            "a replay is so many times faster than what was recorded: above zero"
        );
        Replay { pace: Some(times), ..self }
    }

    /// Takes results for the same that differ in fields with these names only, at any depth: such as times and ids that are
    /// made anew.
    ///
    /// ```
    /// # use linkbus::{SyncBus, recording::Replay};
    /// # let bus = SyncBus::empty().build().unwrap();
    /// let replay = Replay::new(&bus).ignore(["created_at", "id"]);
    /// # assert!(replay.run([]).is_same());
    /// ```
    #[must_use]
    pub fn ignore<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.rules.ignored.extend(names.into_iter().map(Into::into));
        self
    }

    /// Takes errors for the same that have the same reason, whatever they say.
    #[must_use]
    pub fn ignore_error_texts(mut self) -> Self {
        self.rules.ignores_error_texts = true;
        self
    }

    /// The messages of `records` one at a time, each dispatched when it is asked for.
    ///
    /// ```
    /// use linkbus::{SyncBus, recording::Replay};
    ///
    /// let bus = SyncBus::empty().build()?;
    /// let replay = Replay::new(&bus);
    /// let mut steps = replay.steps([]);
    /// while let Some(replayed) = steps.next() {
    ///     println!("{replayed}"); // and look at what the handlers did
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn steps<I: IntoIterator<Item = Record>>(&self, records: I) -> Steps<'_, B, I::IntoIter> {
        Steps { replay: self, records: InOrder::new(records.into_iter()), nested: 0, begun: None }
    }
}

/// A replay that goes on when it is told: [`Replay::steps`].
pub struct Steps<'a, B: Flavor, I: Iterator<Item = Record>> {
    replay: &'a Replay<'a, B>,
    records: InOrder<I>,
    /// How many were left to the handlers that sent them.
    nested: u64,
    /// When the first message was dispatched, and when it was recorded.
    begun: Option<(Instant, SystemTime)>,
}

/// What is done next.
enum Step<'a, B: Flavor> {
    /// It is not dispatched.
    Skip(Record, Skipped),
    Dispatch {
        record: Record,
        ready: Ready<'a, B>,
        /// How long to wait before.
        wait: Duration,
        clock: &'a Clock,
    },
}

impl<'a, B: Flavor, I: Iterator<Item = Record>> Steps<'a, B, I> {
    fn step(&mut self) -> Option<Step<'a, B>> {
        let record = loop {
            let record = self.records.find(|record| self.replay.filter.matches(record))?;
            if record.is_nested && !self.replay.has_nested {
                self.nested += 1;
            } else if !(self.replay.passes_redacted && has_redacted_payload(&record)) {
                break record;
            }
        };
        let ready = match self.replay.prepare(&record) {
            Ok(ready) => ready,
            Err(why) => return Some(Step::Skip(record, why)),
        };
        let clock = &ready.layered.clock;
        let wait = self.wait(&record, clock);
        Some(Step::Dispatch { record, ready, wait, clock })
    }

    fn wait(&mut self, record: &Record, clock: &Clock) -> Duration {
        let Some(times) = self.replay.pace else { return Duration::ZERO };
        let now = clock.now();
        let (began, first) = *self.begun.get_or_insert((now, record.at));
        let recorded = record.at.duration_since(first).unwrap_or_default();
        let due = Duration::try_from_secs_f64(recorded.as_secs_f64() / times).unwrap_or(Duration::MAX);
        due.saturating_sub(now.saturating_duration_since(began))
    }

    fn finish(&self, record: Record, ready: &Ready<'_, B>, is_panic: bool) -> Replayed {
        let result = self.replay.rules.judge(&record, &*ready.payload, is_panic);
        Replayed { record, result }
    }
}

#[expect(clippy::should_implement_trait, reason = "the one of a `Bus` is asynchronous, and both are to look alike")]
impl<I: Iterator<Item = Record>> Steps<'_, SyncBus, I> {
    /// Dispatches the next message; `None` if there is none.
    pub fn next(&mut self) -> Option<Replayed> {
        Some(match self.step()? {
            Step::Skip(record, why) => Replayed { record, result: ReplayResult::Skipped(why) },
            Step::Dispatch { record, mut ready, wait, clock } => {
                if !wait.is_zero() {
                    clock.sleep(wait);
                }
                let is_panic = ready.dispatch(self.replay.bus);
                self.finish(record, &ready, is_panic)
            }
        })
    }
}

impl<I: Iterator<Item = Record>> Steps<'_, Bus, I> {
    /// Dispatches the next message; `None` if there is none.
    pub async fn next(&mut self) -> Option<Replayed> {
        Some(match self.step()? {
            Step::Skip(record, why) => Replayed { record, result: ReplayResult::Skipped(why) },
            Step::Dispatch { record, mut ready, wait, clock } => {
                if !wait.is_zero() {
                    clock.sleep_async(wait).await;
                }
                let is_panic = ready.dispatch(self.replay.bus).await;
                self.finish(record, &ready, is_panic)
            }
        })
    }
}

impl Replay<'_, SyncBus> {
    /// Dispatches the messages of `records`.
    pub fn run(&self, records: impl IntoIterator<Item = Record>) -> ReplayReport {
        let mut report = ReplayReport::default();
        let mut steps = self.steps(records);
        while let Some(replayed) = steps.next() {
            report.push(replayed);
        }
        report.nested = steps.nested;
        report
    }
}

impl Replay<'_, Bus> {
    /// Dispatches the messages of `records`.
    pub async fn run(&self, records: impl IntoIterator<Item = Record>) -> ReplayReport {
        let mut report = ReplayReport::default();
        let mut steps = self.steps(records);
        while let Some(replayed) = steps.next().await {
            report.push(replayed);
        }
        report.nested = steps.nested;
        report
    }
}

impl<'a, B: Flavor> Replay<'a, B> {
    /// The message of the record, in front of its layers.
    fn prepare(&self, record: &Record) -> Result<Ready<'a, B>, Skipped> {
        let core = self.bus.core();
        let facts = *self.messages.get(&*record.message).ok_or(Skipped::UnknownMessage)?;
        if facts.kind != record.kind {
            return Err(Skipped::OtherKind { is: facts.kind });
        }
        let payload = match (record.payload(), record.withheld) {
            (Some(payload), None) => payload,
            (_, why) => return Err(Skipped::NoPayload { why }),
        };
        if has_redacted_payload(record) {
            return Err(Skipped::Redacted);
        }
        let revive = facts.revive.ok_or(Skipped::NotDeserialize)?;
        let layered = core.table.layered(facts).ok_or(Skipped::NoLayers)?;
        let mut payload = json::read(payload, revive).map_err(|problem| Skipped::Unreadable { problem })?.0;
        payload.set_care(layered.care);
        payload.particulars_mut().context = Some(Context::of_replay(facts, record.correlation_id, record.id));
        Ok(Ready { layered, payload })
    }
}

/// Whether something is redacted in the payload, and not in the result alone.
fn has_redacted_payload(record: &Record) -> bool {
    record.is_redacted && record.payload().is_some_and(|payload| payload.contains(REDACTED))
}
