//! W3C trace context as text: `00-<trace id>-<span id>-<flags>`. It travels in gRPC metadata, in outbox
//! rows and in JetStream headers, so that one trace runs through all of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the header, everywhere.
pub const HEADER: &str = "traceparent";

/// Whether anybody traces: else no call pays for looking.
static TRACED: AtomicBool = AtomicBool::new(false);

/// From now on somebody does.
pub(super) fn turn_on() {
    TRACED.store(true, Ordering::Relaxed);
}

/// Whether anybody traces.
pub fn is_on() -> bool {
    TRACED.load(Ordering::Relaxed)
}

/// The context of the current span, or None when nobody traces it.
pub fn current() -> Option<String> {
    is_on().then(|| of(&Span::current())).flatten()
}

/// The context of a span, or None when nobody traces it.
pub fn of(span: &Span) -> Option<String> {
    if !is_on() {
        return None;
    }
    let context = span.context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove(HEADER)
}

/// Makes a span the child of what came from elsewhere. The span must not have been entered yet
/// (tracing-opentelemetry #253). Text that is no trace context is passed over.
pub fn set_parent(span: &Span, trace_parent: &str) {
    if !is_on() {
        return;
    }
    let carrier = HashMap::from([(HEADER.to_owned(), trace_parent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    if context.span().span_context().is_valid() {
        // An error means that no OpenTelemetry layer is there: nothing to be continued.
        let _untraced = span.set_parent(context);
    }
}
