//! Both passed a call on, and their answers differ.

use super::Explanation;
use crate::differential::case::Case;
use crate::differential::compare::{Difference, What};
use crate::differential::judge::Speaks;

/// Answers of the upstream that break the rules of gRPC.
const BROKEN: [&str; 9] = [
    "no-trailers",
    "no-status",
    "half",
    "http-503",
    "http-404",
    "http-302",
    "http-204",
    "html",
    "no-content-type",
];

/// The classes.
pub const ALL: [Explanation; 18] = [
    Explanation {
        name: "broken-with-others",
        reason: "A service's invalid message ends Envoy's whole connection to it (override_stream_error_on_invalid_http_message is off), and other calls over it: these come through when they \
                 are made again. Ours ends the one call.",
        covers: |trial, _| trial.broken_once,
    },
    Explanation {
        name: "service-misspeaks",
        reason: "A service that says no gRPC, or ends without a status, is UNAVAILABLE (SERVICE_AWAY, SERVICE_BROKE_OFF) in HTTP 200, the one form in which every client reads it; half \
                 messages are left out. Envoy shows the service's page to the caller in grpc-message, or lets an answer end without a status.",
        covers: |trial, _| {
            let cut = trial.case.answer == "echo" && !trial.facts.framed;
            let away = trial.facts.ours_says("SERVICE_AWAY");
            let broke_off = trial.facts.ours_says("SERVICE_BROKE_OFF");
            let broken = BROKEN.contains(&trial.case.answer);
            (broken && (away || broke_off)) || (cut && broke_off)
        },
    },
    Explanation {
        name: "reset",
        reason: "A service that resets a call is UNAVAILABLE with a time to come back, in HTTP 200; a call that may be sent twice was repeated before. Envoy says so under HTTP 503, \
                 breaks the client's connection when the answer has begun, and repeats only what was refused.",
        covers: |trial, _| {
            trial.case.answer.starts_with("reset")
                && (trial.facts.ours_says("SERVICE_AWAY")
                    || trial.facts.ours_says("SERVICE_BROKE_OFF"))
        },
    },
    Explanation {
        name: "given-up",
        reason: "Who goes away in the middle is told nothing. Whether a service had heard of it by then is chance; of a call with one message ours hears nothing before it is whole.",
        covers: |trial, difference| {
            let seen = matches!(&difference.what, What::Times | What::SeenBody);
            trial.case.aborts && (seen || matches!(&difference.what, What::SeenHeader(_)))
        },
    },
    Explanation {
        name: "answers-content-type",
        reason: "The client is answered in the content type of what it speaks. Envoy hands on the service's own, here of JSON, to clients of gRPC.",
        covers: |trial, difference| {
            trial.case.answer == "grpc-json" && is_header(difference, &["content-type"])
        },
    },
    Explanation {
        name: "deadline",
        reason: "Deadlines end calls as DEADLINE_EXCEEDED in HTTP 200. Envoy's own timeout says HTTP 504, with another text, or leaves it to the service. Which of two short deadlines passes first is chance.",
        covers: |trial, _| {
            let envoys = trial.envoy.told.header("grpc-status") == "4";
            trial.case.header("grpc-timeout").is_some()
                && (envoys || trial.facts.ours_says("DEADLINE_EXCEEDED"))
        },
    },
    Explanation {
        name: "repetitions",
        reason: "Envoy repeats UNAVAILABLE with the same replica, also what may not be sent twice. We ask another replica, and there is none here: who is overloaded is not helped by the same again.",
        covers: |trial, difference| {
            difference.what == What::Times && trial.case.answer.starts_with("unavailable")
        },
    },
    Explanation {
        name: "text-by-default",
        reason: "An answer is written as the request was, unless Accept says otherwise. Envoy answers text in bytes unless Accept names text.",
        covers: |trial, difference| {
            let content =
                matches!(&difference.what, What::Bytes) || is_header(difference, &["content-type"]);
            content && trial.case.speaks() == Speaks::Text && !names_format(&trial.case)
        },
    },
    Explanation {
        name: "accept-is-a-list",
        reason: "Accept is a list of media types with parameters (RFC 9110, 12.5.1), and the first of it that is gRPC-Web's says how the answer is written. Envoy compares the whole of it \
                 with two texts.",
        covers: |trial, difference| {
            let content =
                matches!(&difference.what, What::Bytes) || is_header(difference, &["content-type"]);
            let lines = trial.case.values("accept").count();
            let list = trial.case.values("accept").any(|value| value.contains([',', ';']));
            content && names_format(&trial.case) && (list || lines > 1)
        },
    },
    Explanation {
        name: "answer-too-large",
        reason: "A limit of ours (max_response_message_bytes): RESOURCE_EXHAUSTED (ANSWER_TOO_LARGE) as soon as a message announces more. Envoy counts no messages.",
        covers: |trial, _| trial.case.answer == "echo" && trial.facts.ours_says("ANSWER_TOO_LARGE"),
    },
    Explanation {
        name: "flags-in-text",
        reason: "A frame whose flags gRPC does not know is text where all is text. Envoy writes it as bytes between the text, which nobody can read then.",
        covers: |trial, difference| {
            let body = matches!(
                &difference.what,
                What::Messages | What::Trailer(_) | What::Rest | What::Bytes
            );
            let text = trial.ours.told.header("content-type").contains("web-text");
            body && text && trial.case.answer == "echo" && trial.facts.strange_flags
        },
    },
    Explanation {
        name: "trailer-lines",
        reason: "The last frame says `name: value`, Envoy's `name:value`: HTTP/1's header lines, both; and text is padded wherever a piece ends. Messages and trailers are the same.",
        covers: |_, difference| difference.what == What::Bytes,
    },
    Explanation {
        name: "date-and-server",
        reason: "The time of the answer is that of another second; ours names no server, so that nobody learns what to attack.",
        covers: |_, difference| is_header(difference, &["date", "server"]),
    },
    Explanation {
        name: "origin-twice",
        reason: "Who names two origins is no browser, and none of our pages, also where one of the two is empty. Envoy passes over an empty one.",
        covers: |trial, difference| {
            let names = ["access-control-allow-origin", "access-control-expose-headers"];
            trial.case.values("origin").count() > 1
                && is_header(difference, &names)
                && difference.ours == "absent"
        },
    },
    Explanation {
        name: "caching",
        reason: "An answer is its caller's own and says so (Cache-Control: no-store), and to caches that it depends on the page that asks (Vary: Origin). Envoy says neither.",
        covers: |_, difference| is_header(difference, &["cache-control", "vary"]),
    },
    Explanation {
        name: "envoys-headers",
        reason: "Envoy tells how long the service took (x-envoy-…). Ours is in the metrics and the access log: outside it would tell strangers how busy we are.",
        covers: |_, difference| matches!(&difference.what, What::Header(name) if name.starts_with("x-envoy-")),
    },
    Explanation {
        name: "framing-of-http",
        reason: "Length, chunks and closing belong to each connection and differ with how an implementation writes; the body is compared by itself.",
        covers: |trial, difference| {
            trial.case.is_http1()
                && is_header(difference, &["content-length", "transfer-encoding", "connection"])
        },
    },
    Explanation {
        name: "hop-of-the-service",
        reason: "What belongs to the connection between gateway and service stays there, and cookies of a service mean nothing to callers of gRPC.",
        covers: |trial, difference| {
            trial.case.answer == "cookies" && is_header(difference, &["set-cookie", "via"])
        },
    },
];

/// Whether it is one of these headers.
fn is_header(difference: &Difference, names: &[&str]) -> bool {
    matches!(&difference.what, What::Header(name) if names.contains(&name.as_str()))
}

/// Whether Accept names a form of gRPC-Web.
fn names_format(case: &Case) -> bool {
    case.values("accept").any(|value| value.contains("application/grpc-web"))
}
