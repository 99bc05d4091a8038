//! What the upstream saw of a call differs.

use super::Explanation;
use crate::differential::compare::{Difference, What};
use crate::differential::judge::Speaks;

/// Headers that our gateway leaves at the door.
const LEFT_BEHIND: [&str; 16] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "cookie",
    "dnt",
    "expect",
    "origin",
    "pragma",
    "referer",
    "sec-fetch-mode",
    "sec-ch-ua",
    "x-grpc-web",
    "te",
    "trailer",
];

/// The classes.
pub const ALL: [Explanation; 12] = [
    Explanation {
        name: "te",
        reason: "gRPC asks every call to say `te: trailers` (PROTOCOL-HTTP2), by which servers find proxies that lose them: the gateway says so for whoever does not.",
        covers: |_, difference| is_seen(difference, &["te"]) && difference.ours == "trailers",
    },
    Explanation {
        name: "browsers-headers",
        reason: "What is of the browser and its connection tells a service nothing, and cookies are kept from it. Envoy hands it on.",
        covers: |_, difference| is_seen(difference, &LEFT_BEHIND) && difference.ours == "absent",
    },
    Explanation {
        name: "authority",
        reason: "A replica is called by its own name. Envoy hands on what the client calls us.",
        covers: |_, difference| is_seen(difference, &[":authority", "host"]),
    },
    Explanation {
        name: "envoys-request-headers",
        reason: "Envoy adds ids and addresses of its own. Ours are in `traceparent`.",
        covers: |_, difference| is_seen(difference, &["x-request-id", "x-forwarded-proto"]),
    },
    Explanation {
        name: "deadline-passed-on",
        reason: "Every call has a deadline: what is left of the least of the client's, the method's and the route's goes inwards. Envoy hands on what the client said, sense or not.",
        covers: |_, difference| is_seen(difference, &["grpc-timeout"]),
    },
    Explanation {
        name: "compression",
        reason: "For gRPC-Web Envoy says `identity`, which is what it means when nothing is said.",
        covers: |trial, difference| {
            is_seen(difference, &["grpc-accept-encoding"]) && trial.case.is_web()
        },
    },
    Explanation {
        name: "grpcs-content-type",
        reason: "Services are asked in one way, `application/grpc`; `+proto` and parameters mean the same. Envoy hands on what the client wrote.",
        covers: |trial, difference| {
            is_seen(difference, &["content-type"]) && trial.case.speaks() == Speaks::Native
        },
    },
    Explanation {
        name: "steering",
        reason: "What steers an Envoy (x-envoy-…) is not for strangers to say: it goes to no service. Envoy lets some of it pass.",
        covers: |_, difference| {
            matches!(&difference.what, What::SeenHeader(name) if name.starts_with("x-envoy-"))
                && difference.ours == "absent"
        },
    },
    Explanation {
        name: "lines-joined",
        reason: "Lines of one header mean the same joined by commas (RFC 9110, 5.3). Envoy joins some; ours hands them on as they are.",
        covers: |_, difference| {
            matches!(&difference.what, What::SeenHeader(_))
                && difference.envoy == difference.ours.replace(" | ", ",")
        },
    },
    Explanation {
        name: "length",
        reason: "A message that was read to its end is passed on with its length.",
        covers: |_, difference| is_seen(difference, &["content-length"]),
    },
    Explanation {
        name: "agent",
        reason: "Browsers let pages name themselves in x-user-agent only: it becomes user-agent for the service.",
        covers: |trial, difference| {
            is_seen(difference, &["user-agent", "x-user-agent"]) && trial.case.is_web()
        },
    },
    Explanation {
        name: "query",
        reason: "A call's path has no query: it is left out.",
        covers: |trial, difference| {
            difference.what == What::SeenLine && trial.case.path.contains('?')
        },
    },
];

/// Whether it is one of these headers, as the upstream saw it.
fn is_seen(difference: &Difference, names: &[&str]) -> bool {
    matches!(&difference.what, What::SeenHeader(name) if names.contains(&name.as_str()))
}
