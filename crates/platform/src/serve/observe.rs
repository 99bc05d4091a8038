//! What is seen of a call from outside: its span, and its rate, errors and duration.
//!
//! The span is made here, outside of everything, and gets its remote parent before anybody enters it:
//! on an entered span that fails silently (tracing-opentelemetry #253).

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use parkmesh_contracts::methods::Method;
use tokio::time::Instant;
use tonic::Code;
use tracing::Span;

use super::deadline::now;
use super::shed::{Permit, Shed};
use crate::telemetry::trace_context;

const TRACEPARENT: &str = "traceparent";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Upper bounds of the duration's buckets, in seconds.
const DURATION_BOUNDS_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The instruments of a server, or of the calling side. The count of a duration is the rate, and its
/// count of codes other than OK the errors, so that one record per call tells all three.
#[derive(Clone, Debug)]
pub struct CallMetrics {
    duration: Histogram<f64>,
}

impl CallMetrics {
    /// The instruments of the serving side.
    pub fn server(meter: &Meter) -> Self {
        Self::named(meter, "rpc.server.call.duration", "Calls served: count, codes and duration")
    }

    /// The instruments of the calling side.
    pub fn client(meter: &Meter) -> Self {
        Self::named(meter, "rpc.client.call.duration", "Calls made: count, codes and duration")
    }

    /// The instruments of the gateway, which passes on what a server then serves.
    pub fn gateway(meter: &Meter) -> Self {
        Self::named(
            meter,
            "rpc.gateway.call.duration",
            "Calls passed on: count, codes and duration",
        )
    }

    fn named(meter: &Meter, name: &'static str, description: &'static str) -> Self {
        let duration = meter
            .f64_histogram(name)
            .with_unit("s")
            .with_description(description)
            .with_boundaries(DURATION_BOUNDS_SECONDS.to_vec())
            .build();
        Self { duration }
    }

    pub(crate) fn record(&self, method: &'static str, code: Code, started: Instant) {
        let seconds = now().saturating_duration_since(started).as_secs_f64();
        self.duration.record(
            seconds,
            &[
                KeyValue::new("rpc.method", method),
                KeyValue::new("rpc.response.status_code", code_name(code)),
            ],
        );
    }
}

/// Shows how full the server is.
pub fn gauge_in_flight(meter: &Meter, server: &'static str, shed: &Arc<Shed>) {
    let shed = Arc::downgrade(shed);
    // The instrument lives in the meter; the callback goes quiet when its server is gone.
    let _registered = meter
        .u64_observable_gauge("rpc.server.in_flight")
        .with_description("Calls in flight and streams open")
        .with_callback(move |observer| {
            if let Some(shed) = shed.upgrade() {
                for (kind, count) in
                    [("call", shed.calls_in_flight()), ("stream", shed.streams_open())]
                {
                    let attributes = [KeyValue::new("server", server), KeyValue::new("kind", kind)];
                    observer.observe(count as u64, &attributes);
                }
            }
        })
        .build();
}

/// Watches one call from its first header to its last byte, and records it when dropped: a call
/// whose end was never seen was cancelled by its client.
pub struct Watch {
    /// The call's span.
    pub span: Span,
    /// Its place in the room; given back with the last byte.
    pub permit: Option<Permit>,
    metrics: CallMetrics,
    method: &'static str,
    started: Instant,
    code: Option<Code>,
}

impl Watch {
    /// Starts the clock and the span; `None` for a path that nobody serves.
    pub fn start(
        metrics: &CallMetrics,
        method: Option<&'static Method>,
        headers: &HeaderMap,
    ) -> Self {
        let span = method.map_or_else(Span::none, |method| span(method, headers));
        Self::within(span, metrics, method)
    }

    /// The same for who passes calls on and tells of each in an access log: a span costs a twentieth of such
    /// a call, and is made where somebody traces, or looks closely.
    pub fn pass(
        metrics: &CallMetrics,
        method: Option<&'static Method>,
        headers: &HeaderMap,
    ) -> Self {
        let looked_at = trace_context::is_on() || tracing::enabled!(tracing::Level::DEBUG);
        let traced = method.filter(|_| looked_at);
        let span = traced.map_or_else(Span::none, |method| span(method, headers));
        Self::within(span, metrics, method)
    }

    fn within(span: Span, metrics: &CallMetrics, method: Option<&'static Method>) -> Self {
        Self {
            span,
            permit: None,
            metrics: metrics.clone(),
            // Paths that nobody serves share one name, or clients could make up metrics.
            method: method.map_or("unknown", |method| method.path),
            started: now(),
            code: None,
        }
    }

    /// Looks for a status in headers or trailers; the first one counts.
    pub fn see(&mut self, headers: &HeaderMap) {
        if self.code.is_none() {
            self.code = headers.get(GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()));
        }
    }

    /// The call ended like this.
    pub fn end(&mut self, code: Code) {
        self.code.get_or_insert(code);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        self.metrics.record(self.method, code, self.started);
        if trace_context::is_on() && !self.span.is_disabled() {
            self.span.record("rpc.grpc.status_code", code as i32);
            if is_our_fault(code) {
                self.span.record("otel.status_code", "ERROR");
            }
        }
    }
}

fn span(method: &'static Method, headers: &HeaderMap) -> Span {
    if method.role == "platform" {
        // Probes come every few seconds for ever.
        return Span::none();
    }
    let span = tracing::info_span!(
        "rpc.server",
        otel.name = &method.path[1..],
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = method.service,
        rpc.method = method.name,
        rpc.grpc.status_code = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    );
    let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    if let (false, Some(parent)) = (span.is_disabled(), parent) {
        trace_context::set_parent(&span, parent);
    }
    span
}

/// Codes that speak of us rather than of the request.
fn is_our_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The code as gRPC's own documents write it.
pub(crate) const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
