//! One trace, from the gateway to the last listener, as a collector receives it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tonic::Request;

use crate::support::{Collector, Driver, Up, eventually};

#[derive(Clone, Debug)]
struct Seen {
    trace_id: String,
    service: String,
    span_id: Vec<u8>,
    parent_id: Vec<u8>,
    name: String,
}

/// The spans of a trace.
fn spans_of(trace_id: &str, kept: Vec<ExportTraceServiceRequest>) -> Vec<Seen> {
    let mut spans = Vec::new();
    for resource in kept.into_iter().flat_map(|request| request.resource_spans) {
        let attributes = resource.resource.unwrap_or_default().attributes;
        let named = attributes.into_iter().find(|one| one.key == "service.name");
        let service = match named.and_then(|one| one.value).and_then(|one| one.value) {
            Some(Value::StringValue(name)) => name,
            other => panic!("a span without a service: {other:?}"),
        };
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Seen {
                trace_id: span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect(),
                service: service.clone(),
                span_id: span.span_id,
                parent_id: span.parent_span_id,
                name: span.name,
            });
        }
    }
    spans.retain(|span| span.trace_id == trace_id);
    spans
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_runs_from_the_gateway_to_every_listener() {
    let (collector, endpoint) = Collector::start().await;
    let up = Up::start(&["--otlp-endpoint", &endpoint]);
    let anna = Driver::new(&up, "driver");
    let spot = eventually("the map", || async { anna.spot(&up, "0-120").await.ok() }).await;
    let hour = SignedDuration::from_hours(1);
    let held = anna.hold(&anna.wish(&spot, up.now() + hour, hour)).await.expect("a hold");

    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request = Request::new(parkmesh_contracts::booking::v1::ConfirmBookingRequest {
        request_id: uuid::Uuid::now_v7().to_string(),
        booking_id: held.booking_id.clone(),
        payment_method: "pm_card_ok".to_owned(),
    });
    let parent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    request.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
    anna.booking().confirm_booking(request).await.expect("a reservation");

    let wanted = BTreeSet::from([
        "parkmesh-gateway",
        "parkmesh-booking",
        "parkmesh-payment",
        "parkmesh-availability",
        "parkmesh-notification",
    ]);
    let spans = eventually("spans of every service", || async {
        let ours = spans_of(trace_id, collector.kept());
        let services: BTreeSet<&str> = ours.iter().map(|span| span.service.as_str()).collect();
        wanted.is_subset(&services).then_some(ours)
    })
    .await;
    // The relay's span stands between booking's call and its listeners.
    let published =
        |span: &&Seen| span.service == "parkmesh-booking" && span.name.contains("publish");
    assert!(spans.iter().any(|span| published(&span)), "{spans:#?}");
    // Every span but the first hangs below another one of the same trace.
    let ids: BTreeSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    let loose = spans.iter().filter(|span| !ids.contains(span.parent_id.as_slice()));
    let loose: Vec<&Seen> = loose.filter(|span| span.service != "parkmesh-gateway").collect();
    assert!(loose.is_empty(), "spans without a parent: {loose:#?}");
}
