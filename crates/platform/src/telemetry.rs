//! What a process tells about itself: logs on stderr, metrics for Prometheus, and, when an OTLP endpoint
//! is set, traces, metrics and logs for a collector.
//!
//! The exporters live on a small runtime of their own: batch export over tonic can deadlock on the
//! runtime that it reports about (opentelemetry-rust #2715).

mod export;
mod text;
pub mod trace_context;

use std::io::IsTerminal;
use std::sync::OnceLock;

use opentelemetry::metrics::Meter;
use prometheus::{Encoder, TextEncoder};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, reload};

use crate::config::Reader;
pub use export::Exporters;

/// Name of the meter and tracer of all our instruments.
const SCOPE: &str = "parkmesh";

/// The registry behind `/metrics`. One per process: instruments are made before and after `init`, also in
/// tests, where nobody calls it.
static REGISTRY: OnceLock<prometheus::Registry> = OnceLock::new();

/// Changes the filter of the log that `init` made.
type SetLog = Box<dyn Fn(EnvFilter) -> Result<(), TelemetryError> + Send + Sync>;
static SET_LOG: OnceLock<SetLog> = OnceLock::new();

/// How a process tells about itself.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// The role, `booking`: `service.name` is `parkmesh-booking`.
    pub role: String,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// Logs as JSON lines instead of text for people.
    pub log_json: bool,
    /// Where a collector listens for OTLP over gRPC, `http://127.0.0.1:4317`.
    pub otlp_endpoint: Option<String>,
    /// Share of traces that begin here and are kept, from 0 to 1.
    pub sample_ratio: f64,
}

impl TelemetryConfig {
    /// Reads `PARKMESH_LOG`, `_LOG_JSON`, `_OTLP_ENDPOINT` and `_TRACE_SAMPLE_RATIO`.
    pub fn read(role: &str, reader: &mut Reader) -> Self {
        Self {
            role: role.to_owned(),
            log: reader.get("LOG", "info,async_nats=warn".to_owned()),
            log_json: reader.get("LOG_JSON", false),
            otlp_endpoint: reader.find("OTLP_ENDPOINT"),
            sample_ratio: reader.get("TRACE_SAMPLE_RATIO", 0.05),
        }
    }
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is no filter.
    #[error("not a filter of logs (PARKMESH_LOG)")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter's runtime.
    #[error("the telemetry runtime did not start")]
    Runtime(#[from] std::io::Error),
    /// The OTLP endpoint.
    #[error("the OTLP exporter could not be made")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Prometheus.
    #[error("the metrics registry could not be made")]
    Registry(#[from] opentelemetry_sdk::error::OTelSdkError),
    /// Nothing is set up that could be changed.
    #[error("telemetry is not set up")]
    NotSet,
    /// Somebody set a subscriber before.
    #[error("telemetry is already set up")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up telemetry for the process. Call once, in main, and keep what it returns until the end.
///
/// # Errors
/// When the settings are not usable.
pub fn init(config: &TelemetryConfig) -> Result<Exporters, TelemetryError> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(&config.log)?);
    let _first = SET_LOG
        .set(Box::new(move |filter| handle.reload(filter).map_err(|_gone| TelemetryError::NotSet)));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = if config.log_json {
        layer.json().flatten_event(true).with_filter(filter).boxed()
    } else {
        layer.fmt_fields(text::Told).with_target(false).with_filter(filter).boxed()
    };
    let exporters = Exporters::start(config, registry())?;
    tracing_subscriber::registry()
        .with(lines)
        .with(exporters.trace_layer())
        .with(exporters.log_layer())
        .try_init()?;
    Ok(exporters)
}

/// Changes what is logged, in the syntax of `tracing_subscriber::EnvFilter`.
///
/// # Errors
/// When it is no filter, or [`init`] was not called.
pub fn set_log(filter: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter)?;
    let set = SET_LOG.get().ok_or(TelemetryError::NotSet)?;
    set(filter)
}

/// The meter of all our instruments.
pub fn meter() -> Meter {
    export::ensure_meter_provider(registry());
    opentelemetry::global::meter(SCOPE)
}

/// All metrics in Prometheus' text format.
pub fn render_metrics() -> String {
    let mut text = Vec::new();
    let families = registry().gather();
    match TextEncoder::new().encode(&families, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("# metrics are not readable: {error}\n"),
    }
}

fn registry() -> &'static prometheus::Registry {
    REGISTRY.get_or_init(prometheus::Registry::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruments_made_at_the_same_moment_all_count() {
        let made: Vec<_> = (0..8)
            .map(|index| {
                std::thread::spawn(move || {
                    meter().u64_counter(format!("test.at_once_{index}")).build().add(1, &[]);
                })
            })
            .collect();
        made.into_iter().for_each(|thread| thread.join().expect("no panic"));
        let text = render_metrics();
        let counted =
            (0..8).filter(|index| text.contains(&format!("test_at_once_{index}_total{{")));
        assert_eq!(counted.count(), 8, "{text}");
    }

    #[test]
    fn an_instrument_shows_in_the_prometheus_text() {
        meter().u64_counter("test.things").build().add(3, &[]);
        let text = render_metrics();
        assert!(text.contains("test_things_total"), "{text}");
    }
}
