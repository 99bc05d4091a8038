//! The exporters, and the runtime that they live on.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Runtime;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::{SCOPE, TelemetryConfig, TelemetryError, trace_context};

/// How long an export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last export may take when the process ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

static METERS: OnceLock<SdkMeterProvider> = OnceLock::new();

/// What exports. Keep it until the process ends, then call [`Exporters::shutdown`].
#[derive(Debug)]
pub struct Exporters {
    spans: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
    runtime: Option<Runtime>,
}

impl Exporters {
    pub(super) fn start(
        config: &TelemetryConfig,
        registry: &prometheus::Registry,
    ) -> Result<Self, TelemetryError> {
        let Some(endpoint) = &config.otlp_endpoint else {
            ensure_meter_provider(registry);
            return Ok(Self { spans: None, logs: None, runtime: None });
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telemetry")
            .enable_all()
            .build()?;
        let _entered = runtime.enter();
        let resource = Resource::builder().with_service_name(format!("parkmesh-{}", config.role));
        let resource = resource.with_attribute(KeyValue::new("service.namespace", SCOPE)).build();
        let spans = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let spans = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                config.sample_ratio,
            ))))
            .with_batch_exporter(spans)
            .build();
        let logs = LogExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let logs = SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(logs)
            .build();
        let metrics = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let meters = prometheus_reader(registry).with_resource(resource);
        set_meter_provider(|| meters.with_periodic_exporter(metrics).build());
        Ok(Self { spans: Some(spans), logs: Some(logs), runtime: Some(runtime) })
    }

    pub(super) fn trace_layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.spans.as_ref()?.tracer(SCOPE);
        trace_context::turn_on();
        Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours()))
    }

    pub(super) fn log_layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let logs = self.logs.as_ref()?;
        Some(OpenTelemetryTracingBridge::new(logs).with_filter(ours()))
    }

    /// Sends what is left, within a bound. Blocks: call it after the runtime of the process has ended,
    /// or from a blocking thread.
    pub fn shutdown(mut self) {
        if let Some(spans) = self.spans.take() {
            let _too_late = spans.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        }
        if let Some(logs) = self.logs.take() {
            let _too_late = logs.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        }
        if let Some(meters) = METERS.get() {
            let _too_late = meters.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
        }
    }
}

/// Only what we say ourselves: the exporter's own connection must not report about itself.
fn ours() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("h2", LevelFilter::OFF)
        .with_target("hyper", LevelFilter::OFF)
        .with_target("hyper_util", LevelFilter::OFF)
        .with_target("tonic", LevelFilter::OFF)
        .with_target("tower", LevelFilter::OFF)
        .with_target("reqwest", LevelFilter::OFF)
        .with_target("opentelemetry", LevelFilter::OFF)
        .with_target("opentelemetry_sdk", LevelFilter::OFF)
        .with_target("opentelemetry_otlp", LevelFilter::OFF)
        .with_target("opentelemetry-otlp", LevelFilter::OFF)
}

/// Makes sure that instruments count, also where nobody called `init`.
pub(super) fn ensure_meter_provider(registry: &prometheus::Registry) {
    set_meter_provider(|| prometheus_reader(registry).build());
}

/// The first one stays. Whoever comes second waits until the first one is in place: a meter that was asked
/// for in between would count nothing for ever.
fn set_meter_provider(make: impl FnOnce() -> SdkMeterProvider) {
    METERS.get_or_init(|| {
        let provider = make();
        opentelemetry::global::set_meter_provider(provider.clone());
        provider
    });
}

fn prometheus_reader(
    registry: &prometheus::Registry,
) -> opentelemetry_sdk::metrics::MeterProviderBuilder {
    let builder = SdkMeterProvider::builder();
    match opentelemetry_prometheus::exporter().with_registry(registry.clone()).build() {
        Ok(reader) => builder.with_reader(reader),
        Err(error) => {
            tracing::error!(%error, "metrics are not offered to Prometheus");
            builder
        }
    }
}
