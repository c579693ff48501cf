//! A `tracing` span for every dispatch.

use tracing::{Level, Span, field::Empty, level_filters::LevelFilter};

use super::{Dispatch, Failed, Layer, Link, Outcome, Site, Source, Tracer};
use crate::{
    flavor::Flavor,
    message::{Kind, MessageFacts},
};

/// Puts every dispatch in a [`tracing`] span, with the field names of OpenTelemetry's messaging conventions.
///
/// The handler, and every layer inside this one, runs in the span: what they log belongs to it, and what the handler
/// dispatches becomes its child. The parent is the span that is current where the caller dispatches. The span is named
/// after the verb (`send`, `execute`, `publish`, `dispatch`), its target is `linkbus`, its level INFO. An event has one
/// span, around all its subscribers.
///
/// It holds names only, never what a message or an error says. Where no subscriber wants the span there is none: a test of
/// one static value is then all that is left.
///
/// The page [`docs::layers::tracing`](https://docs.rs/linkbus/latest/linkbus/docs/layers/tracing/index.html) lists the
/// fields.
///
/// ```
/// use linkbus::{Command, SyncBus, layer::Trace};
///
/// #[derive(Command)]
/// struct Pay { cents: u64 }
///
/// let bus = SyncBus::empty()
///     .command(|pay: Pay| tracing::info!(pay.cents, "paid")) // execute{messaging.destination.name="..Pay" ..}: paid
///     .layer(Trace::new())
///     .build()
///     .unwrap();
/// bus.execute(Pay { cents: 5 }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Trace {
    debug: bool,
    ids: bool,
    error_text: bool,
}

impl Trace {
    /// Spans at INFO, without ids and without what errors say.
    pub fn new() -> Self {
        Trace::default()
    }

    /// Makes the spans at DEBUG instead of INFO.
    pub fn with_debug_level(self) -> Self {
        Trace { debug: true, ..self }
    }

    /// Records the ids of the dispatch as well: `messaging.message.id` and `messaging.message.conversation_id`, which are
    /// those of the handler's [`Context`](crate::Context). Off by default, because drawing an id costs more than a dispatch.
    pub fn with_ids(self) -> Self {
        Trace { ids: true, ..self }
    }

    /// Logs what the error of a failed dispatch says, as a DEBUG event in the span. Off by default: an error may well say
    /// what the message said. Never for a message that has a field marked `#[bus(secret)]`.
    pub fn with_error_text(self) -> Self {
        Trace { error_text: true, ..self }
    }

    fn level(&self) -> Level {
        if self.debug { Level::DEBUG } else { Level::INFO }
    }
}

impl<B: Flavor> Layer<B> for Trace {
    fn link(&self, site: &mut Site<'_>) -> Option<Link<B>> {
        let source = |is_set| if is_set { Source::Layer } else { Source::Default };
        site.value_from("level", self.level(), source(self.debug));
        site.value_from("ids", self.ids, source(self.ids));
        // What the handler failed with may hold what the message was not to show.
        let error_text = self.error_text && !site.message().has_secrets();
        site.value_from("error text", error_text, source(self.error_text));
        Some(Link::span(DispatchSpan::new(Trace { error_text, ..self.clone() }, site)))
    }
}

/// What is known of a span before there is one.
struct DispatchSpan {
    trace: Trace,
    level: LevelFilter,
    message: &'static MessageFacts,
    title: String,
    handler: Option<&'static str>,
    subscribers: Option<usize>,
}

/// One callsite for each level and kind: what is static in a span is static in the program.
macro_rules! span {
    ($level:ident $name:literal $of:ident) => {
        tracing::span!(
            target: "linkbus",
            Level::$level,
            $name,
            otel.name = $of.title.as_str(),
            otel.kind = "internal",
            otel.status_code = Empty,
            messaging.system = "linkbus",
            messaging.operation.name = $name,
            messaging.operation.type = "process",
            messaging.destination.name = $of.message.name,
            messaging.message.id = Empty,
            messaging.message.conversation_id = Empty,
            linkbus.kind = $of.message.kind.label(),
            linkbus.handler = $of.handler,
            linkbus.subscribers = $of.subscribers,
            linkbus.attempt = Empty,
            linkbus.outcome = Empty,
            linkbus.failed_subscribers = Empty,
            linkbus.failed_handlers = Empty,
            error.type = Empty,
        )
    };
    ($level:ident $of:ident) => {
        match $of.message.kind {
            Kind::Query => span!($level "send" $of),
            Kind::Command => span!($level "execute" $of),
            Kind::Event => span!($level "publish" $of),
            Kind::Task => span!($level "dispatch" $of),
        }
    };
}

impl DispatchSpan {
    fn new(trace: Trace, site: &Site<'_>) -> Self {
        let message = site.message();
        let title = format!("{} {}", message.kind.verb(), message.name);
        let has_one = message.kind.has_one_handler();
        let handler = site.handlers().first().filter(|_| has_one).map(|handler| handler.name);
        let subscribers = (!has_one).then_some(site.handlers().len());
        DispatchSpan { level: trace.level().into(), trace, message, title, handler, subscribers }
    }

    #[cold]
    fn open(&self, dispatch: &mut Dispatch<'_>) -> Option<Span> {
        let span = if self.trace.debug { span!(DEBUG self) } else { span!(INFO self) };
        if span.is_disabled() {
            return None;
        }
        if self.trace.ids {
            let context = dispatch.context();
            span.record("messaging.message.id", tracing::field::display(context.id()));
            span.record("messaging.message.conversation_id", tracing::field::display(context.correlation_id()));
        }
        Some(span)
    }

    fn record_failure(&self, failed: Failed<'_>, span: &Span) {
        if !self.message.kind.has_one_handler() {
            let names: Vec<_> = failed.subscribers().iter().map(|failed| failed.subscriber.name).collect();
            span.record("linkbus.failed_subscribers", names.len());
            span.record("linkbus.failed_handlers", names.join(", "));
        }
        if self.trace.error_text {
            tracing::debug!(target: "linkbus", parent: span, error = failed.error(), "failed");
        }
    }
}

impl Tracer for DispatchSpan {
    fn start(&self, dispatch: &mut Dispatch<'_>) -> Option<Span> {
        if self.level > LevelFilter::current() {
            return None;
        }
        self.open(dispatch)
    }

    fn end(&self, dispatch: &mut Dispatch<'_>, span: &Span) {
        let outcome = dispatch.outcome();
        span.record("linkbus.attempt", dispatch.attempt());
        span.record("linkbus.outcome", outcome.label());
        if matches!(outcome, Outcome::Succeeded) {
            return;
        }
        span.record("error.type", outcome.label());
        span.record("otel.status_code", "ERROR");
        if let Some(failed) = outcome.failed() {
            self.record_failure(failed, span);
        }
    }
}
