//! Where spans and metrics go: the one place of the program that knows OpenTelemetry and Prometheus.

use std::{env, error::Error, io};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Upper bounds of the buckets of durations, in seconds: a dispatch in the process takes microseconds, one that asks a
/// database milliseconds.
const BUCKETS: [f64; 9] = [0.000_01, 0.000_1, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];

/// What the program observes itself with.
pub(crate) struct Telemetry {
    metrics: PrometheusHandle,
    spans: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Installs the recorder of the metrics and the subscriber of spans and logs, for the whole process.
    ///
    /// Logs go to standard error. Spans go to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` or
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` names, such as `http://127.0.0.1:4318`; without either they go nowhere.
    pub(crate) fn install() -> Result<Self, Box<dyn Error>> {
        let buckets = Matcher::Suffix("_duration_seconds".to_owned());
        let metrics = PrometheusBuilder::new().set_buckets_for_metric(buckets, &BUCKETS)?.install_recorder()?;
        let spans = has_collector().then(exporting).transpose()?;
        let otlp = spans.as_ref().map(|spans| tracing_opentelemetry::layer().with_tracer(spans.tracer("shop")));
        let log = tracing_subscriber::fmt::layer().with_writer(io::stderr);
        tracing_subscriber::registry().with(LevelFilter::INFO).with(otlp).with(log).try_init()?;
        Ok(Telemetry { metrics, spans })
    }

    /// Renders the metrics as Prometheus reads them.
    pub(crate) fn metrics(&self) -> PrometheusHandle {
        self.metrics.clone()
    }

    /// Sends what was not sent yet.
    pub(crate) fn shut_down(self) -> Result<(), Box<dyn Error>> {
        self.spans.map_or(Ok(()), |spans| spans.shutdown())?;
        Ok(())
    }
}

fn has_collector() -> bool {
    let names = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    names.iter().any(|name| env::var_os(name).is_some_and(|endpoint| !endpoint.is_empty()))
}

/// Sends spans in batches, from a thread of its own.
fn exporting() -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).build()?;
    let resource = Resource::builder().with_service_name("shop").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
