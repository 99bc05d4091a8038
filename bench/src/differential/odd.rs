//! Headers, methods and paths that are strange, and seldom wrong.

use super::case::{Case, Framing, Wire};
use super::change::set_type;
use crate::chance::Chance;

/// Adds a header.
pub fn header(case: &mut Case, name: &str, value: &str) {
    case.headers.push((name.to_owned(), value.to_owned()));
}

pub fn content_type(case: &mut Case, chance: &mut Chance) {
    set_type(
        case,
        chance.one_of(&[
            "application/grpc-web+proto; charset=utf-8",
            "application/grpc-web;charset=utf-8",
            "Application/gRPC-Web",
            "application/grpc-web+json",
            "application/grpc-web+thrift",
            "application/grpc-web-text+json",
            "application/grpc+json",
            "application/grpc+proto",
            "application/grpc;x=1",
            "application/grpcx",
            "application/grpc-webx",
            "application/json",
            "text/plain",
            "",
            "application/x-protobuf",
            "application/grpc-web, application/grpc",
            "APPLICATION/GRPC",
        ]),
    );
    if chance.once_in(10) {
        case.headers.retain(|(name, _)| name != "content-type");
    }
}

pub fn accept(case: &mut Case, chance: &mut Chance) {
    header(
        case,
        "accept",
        chance.one_of(&[
            "*/*",
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpc-web-text",
            "application/grpc-web-text+proto",
            "application/grpc-web-text, application/grpc-web",
            "text/html",
            "",
            "application/grpc-web-text;q=0.5",
            "application/grpc",
        ]),
    );
}

pub fn method(case: &mut Case, chance: &mut Chance) {
    case.method =
        chance.one_of(&["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW", "post"]);
    if chance.once_in(2) {
        (case.body, case.framing) = (Vec::new(), Framing::None);
    }
}

pub fn path(case: &mut Case, chance: &mut Chance) {
    // Of the method that its token opens.
    let called = case.path.clone();
    let path = match chance.below(14) {
        0 => "/".to_owned(),
        1 => "/parkmesh.notification.v1.NotificationService/Nothing".to_owned(),
        2 => "/parkmesh.notification.v1.NotificationService/".to_owned(),
        3 => "/parkmesh.nothing.v1.NothingService/Do".to_owned(),
        4 => format!("{called}?a=b"),
        5 => format!("{called}/"),
        6 => called.replacen("Service/", "%53ervice/", 1),
        7 => format!("/{called}"),
        8 => called.to_ascii_lowercase(),
        9 => format!("/x/..{called}"),
        10 => "/parkmesh.sensor.v1.SensorService/ResolveDevices".to_owned(),
        11 => format!("/{}", "long".repeat(500)),
        12 => "/parkmesh.common.v1.Nothing/Do".to_owned(),
        _ => format!("{called}?"),
    };
    case.path = path;
}

pub fn duplicate(case: &mut Case, chance: &mut Chance) {
    let (name, one, other) = chance.one_of(&[
        ("content-type", "application/grpc-web", "application/grpc-web"),
        ("content-type", "text/plain", "application/grpc"),
        ("user-agent", "one/1", "two/2"),
        ("x-user-agent", "one/1", "two/2"),
        ("x-lot", "A", "B"),
        ("x-lot-bin", "AAEC", "AwQF"),
        ("grpc-timeout", "1S", "2S"),
        ("te", "trailers", "trailers"),
        ("accept", "application/grpc-web", "application/grpc-web-text"),
        ("origin", "https://app.example", "https://evil.example"),
        ("cookie", "a=b", "c=d"),
        ("host", "gateway", "gateway"),
        ("host", "other", ""),
    ]);
    if name == "host" && case.wire == Wire::Two {
        return;
    }
    header(case, name, one);
    if !other.is_empty() {
        header(case, name, other);
    }
}

pub fn large(case: &mut Case, chance: &mut Chance) {
    match chance.below(5) {
        0 => header(case, "x-large", &"v".repeat(7_000)),
        1 => header(case, "x-large", &"v".repeat(20_000)),
        2 => (0..40).for_each(|at| header(case, &format!("x-many-{at}"), "1")),
        3 => (0..80).for_each(|at| header(case, &format!("x-many-{at}"), "1")),
        _ => header(case, &format!("x-{}", "n".repeat(300)), "1"),
    }
}

pub fn value(case: &mut Case, chance: &mut Chance) {
    let (name, value) = chance.one_of(&[
        ("x-empty", ""),
        ("x-text", "\u{fc}ber"),
        ("x-tab", "a\tb"),
        ("x-spaces", "  a  b  "),
        ("x_under_score", "1"),
        ("X-Mixed-Case", "Kept"),
        ("x-lot-bin", "AAH+/w"),
        ("x-lot-bin", "no base64!"),
        ("x-quote", "\"a, b\""),
        ("x.dotted", "1"),
        ("x-control", "a\u{1}b"),
        ("x-colon", ": :"),
    ]);
    if case.wire == Wire::Two && value.contains('\u{1}') {
        return;
    }
    header(case, name, value);
}

pub fn browser(case: &mut Case, chance: &mut Chance) {
    let (name, value) = chance.one_of(&[
        ("cookie", "session=1"),
        ("referer", "https://app.example/"),
        ("sec-fetch-mode", "cors"),
        ("dnt", "1"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "de"),
        ("user-agent", "Mozilla/5.0"),
        ("x-user-agent", "grpc-web-javascript/0.1"),
        ("x-grpc-web", "1"),
        ("cache-control", "no-cache"),
        ("pragma", "no-cache"),
        ("priority", "u=1, i"),
        ("sec-ch-ua", "\"x\""),
        ("if-none-match", "\"a\""),
        ("range", "bytes=0-1"),
        ("authorization-extra", "1"),
    ]);
    header(case, name, value);
    if chance.once_in(12) {
        case.headers.retain(|(name, _)| name != "authorization");
        header(case, "authorization", chance.one_of(&["Bearer nothing", "Basic YTpi", ""]));
    }
}

pub fn forwarded(case: &mut Case, chance: &mut Chance) {
    let (name, value) = chance.one_of(&[
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "other"),
        ("x-request-id", "11111111-2222-4333-8444-555555555555"),
        ("x-request-id", "short"),
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 proxy"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("traceparent", "nonsense"),
        ("tracestate", "a=b"),
        ("baggage", "a=b"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-max-retries", "9"),
        ("x-envoy-internal", "true"),
        ("x-envoy-original-path", "/"),
        ("x-envoy-expected-rq-timeout-ms", "5"),
        ("x-real-ip", "192.0.2.1"),
        ("max-forwards", "0"),
    ]);
    header(case, name, value);
}

pub fn grpc(case: &mut Case, chance: &mut Chance) {
    let (name, value) = chance.one_of(&[
        ("grpc-encoding", "identity"),
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "gzip, deflate"),
        ("grpc-accept-encoding", "identity"),
        ("grpc-status", "0"),
        ("grpc-message", "hello"),
        ("grpc-message-type", "a.B"),
        ("grpc-previous-rpc-attempts", "1"),
        ("grpc-tags-bin", "AAEC"),
        ("grpc-trace-bin", "AAEC"),
        ("content-encoding", "gzip"),
        ("x-grpc-web", "0"),
        ("content-disposition", "a"),
        ("trailers", "x"),
    ]);
    header(case, name, value);
}
