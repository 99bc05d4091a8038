//! The ways in which the upstream answers, good and bad, by name.

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::outcome::framed;

/// All of them; those that cost time stand in [`SLOW`].
pub const ALL: [&str; 37] = [
    "ok",
    "echo",
    "empty",
    "many",
    "none",
    "pieces",
    "meta",
    "compressed",
    "cookies",
    "error",
    "error-after",
    "only",
    "only-ok",
    "details",
    "percent",
    "raw-message",
    "odd-status",
    "wordy-status",
    "unavailable",
    "unavailable-late",
    "exhausted",
    "early",
    "reset-cancel",
    "reset-refused",
    "reset-internal",
    "reset-late",
    "http-503",
    "http-404",
    "http-302",
    "http-204",
    "html",
    "no-content-type",
    "grpc-json",
    "no-trailers",
    "no-status",
    "half",
    "late-status",
];
/// Answers that are large.
pub const LARGE: &str = "large";
/// No answer at all: for calls with a short deadline.
pub const HANG: &str = "hang";

const LARGE_BYTES: usize = 1024 * 1024;
/// `google.rpc.Status` in base64 without padding, as gRPC writes it.
const DETAILS: &str = "CAUSB25vdGhpbmc";

type Sent = Result<(), h2::Error>;

/// Whether the answer comes before the request was read.
pub fn is_early(answer: &str) -> bool {
    answer == "early" || answer == "reset-refused"
}

/// SERVING.
pub fn healthy(respond: &mut SendResponse<Bytes>) {
    let _gone = respond.send_response(head(200, &[GRPC]), false).and_then(|mut stream| {
        stream.send_data(framed(0, &[8, 1]).into(), false)?;
        stream.send_trailers(map(&[("grpc-status", "0")]))
    });
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const OK: (&str, &str) = ("grpc-status", "0");

/// Answers as this says. `echoed` is the request's body.
pub async fn give(answer: &str, echoed: &[u8], mut respond: SendResponse<Bytes>) -> Sent {
    let respond = &mut respond;
    match answer {
        "echo" => call(respond, &[GRPC], &[echoed.to_vec()], &[OK]),
        "empty" => call(respond, &[GRPC], &[framed(0, b"")], &[OK]),
        "many" => {
            let all = [framed(0, b"one"), framed(0, b""), framed(0, b"three")];
            call(respond, &[GRPC], &all, &[OK])
        }
        "none" => call(respond, &[GRPC], &[], &[OK]),
        "pieces" => {
            let whole = [framed(0, b"in pieces"), framed(0, b"and more")].concat();
            let pieces: Vec<_> = whole.chunks(3).map(<[u8]>::to_vec).collect();
            call(respond, &[GRPC], &pieces, &[OK])
        }
        LARGE => call(respond, &[GRPC], &[framed(0, &vec![7; LARGE_BYTES])], &[OK]),
        "compressed" => {
            let head = [GRPC, ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip")];
            call(respond, &head, &[framed(1, b"no gzip, for all that anybody knows")], &[OK])
        }
        "meta" | "cookies" => metadata(respond, answer),
        HANG => {
            std::future::poll_fn(|cx| respond.poll_reset(cx)).await?;
            Ok(())
        }
        other if other.starts_with("reset") => reset(respond, other),
        other if other.starts_with("http") || other.starts_with("no-") || is_odd(other) => {
            wrong(respond, other)
        }
        other => status(respond, other),
    }
}

fn is_odd(answer: &str) -> bool {
    matches!(answer, "html" | "grpc-json" | "half")
}

/// Metadata that is allowed and seldom seen.
fn metadata(respond: &mut SendResponse<Bytes>, answer: &str) -> Sent {
    let message = framed(0, b"with metadata");
    if answer == "cookies" {
        let head = [
            GRPC,
            ("set-cookie", "a=b"),
            ("server", "theirs"),
            ("date", "then"),
            ("via", "2 x"),
            ("x-envoy-own", "1"),
        ];
        return call(respond, &head, &[message], &[OK]);
    }
    let head = [
        GRPC,
        ("x-many", "first"),
        ("x-many", "second"),
        ("x-head-bin", "AAEC"),
        ("x-empty", ""),
        ("x-lot", "A 1, B"),
    ];
    let tail =
        [OK, ("x-many", "third"), ("x-many", "fourth"), ("x-tail-bin", "AAH+/w"), ("x-empty", "")];
    call(respond, &head, &[message], &tail)
}

/// Statuses of gRPC, early and late.
fn status(respond: &mut SendResponse<Bytes>, answer: &str) -> Sent {
    let message = framed(0, b"pong");
    match answer {
        "error" => {
            call(respond, &[GRPC], &[], &[("grpc-status", "5"), ("grpc-message", "nothing")])
        }
        "error-after" => {
            let tail = [("grpc-status", "13"), ("grpc-message", "broke"), ("x-cause", "chance")];
            call(respond, &[GRPC], &[message], &tail)
        }
        "late-status" => call(respond, &[GRPC], &[message], &[("x-first", "1"), OK]),
        "details" => {
            let tail = [
                ("grpc-status", "5"),
                ("grpc-message", "nothing"),
                ("grpc-status-details-bin", DETAILS),
            ];
            call(respond, &[GRPC], &[], &tail)
        }
        "percent" => {
            let tail = [("grpc-status", "3"), ("grpc-message", "100%25 %E2%82%AC %zz %")];
            call(respond, &[GRPC], &[], &tail)
        }
        "raw-message" => call(
            respond,
            &[GRPC],
            &[],
            &[("grpc-status", "3"), ("grpc-message", "\u{fc}ber \"x\"")],
        ),
        "odd-status" => call(respond, &[GRPC], &[], &[("grpc-status", "99")]),
        "wordy-status" => call(respond, &[GRPC], &[], &[("grpc-status", "OK")]),
        "unavailable-late" => call(respond, &[GRPC], &[], &[("grpc-status", "14")]),
        "only" => {
            only(respond, &[("grpc-status", "7"), ("grpc-message", "no%21"), ("x-why", "so")])
        }
        "only-ok" => only(respond, &[OK]),
        "unavailable" => only(respond, &[("grpc-status", "14"), ("grpc-message", "later")]),
        "exhausted" => only(respond, &[("grpc-status", "8"), ("grpc-message", "too much")]),
        "early" => only(respond, &[("grpc-status", "9"), ("grpc-message", "not read")]),
        _ => call(respond, &[GRPC], &[message], &[OK]),
    }
}

fn reset(respond: &mut SendResponse<Bytes>, answer: &str) -> Sent {
    match answer {
        "reset-late" => {
            let mut stream = respond.send_response(head(200, &[GRPC]), false)?;
            stream.send_data(framed(0, b"before").into(), false)?;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        "reset-refused" => respond.send_reset(Reason::REFUSED_STREAM),
        "reset-internal" => respond.send_reset(Reason::INTERNAL_ERROR),
        _ => respond.send_reset(Reason::CANCEL),
    }
    Ok(())
}

/// What no service of gRPC says.
fn wrong(respond: &mut SendResponse<Bytes>, answer: &str) -> Sent {
    let text = ("content-type", "text/plain");
    let message = framed(0, b"pong");
    let page = |respond: &mut SendResponse<Bytes>, status, headers: &[(&str, &str)]| {
        let mut stream = respond.send_response(head(status, headers), false)?;
        stream.send_data(Bytes::from_static(b"<html>a page"), true)
    };
    match answer {
        "http-503" => page(respond, 503, &[text]),
        "http-404" => page(respond, 404, &[text]),
        "http-302" => page(respond, 302, &[text, ("location", "/elsewhere")]),
        "http-204" => respond.send_response(head(204, &[]), true).map(drop),
        "html" => page(respond, 200, &[("content-type", "text/html")]),
        "no-content-type" => page(respond, 200, &[]),
        "grpc-json" => {
            call(respond, &[("content-type", "application/grpc+json")], &[message], &[OK])
        }
        "no-trailers" => {
            let mut stream = respond.send_response(head(200, &[GRPC]), false)?;
            stream.send_data(message.into(), true)
        }
        "half" => call(respond, &[GRPC], &[message[..7].to_vec()], &[OK]),
        _ => call(respond, &[GRPC], &[message], &[("x-no-status", "here")]),
    }
}

/// Headers, frames, trailers.
fn call(
    respond: &mut SendResponse<Bytes>,
    headers: &[(&str, &str)],
    frames: &[Vec<u8>],
    trailers: &[(&str, &str)],
) -> Sent {
    let mut stream: SendStream<Bytes> = respond.send_response(head(200, headers), false)?;
    // No service sends frames without anything in them: after a hundred of those h2 ends the connection, and all calls on it.
    for frame in frames.iter().filter(|frame| !frame.is_empty()) {
        stream.send_data(Bytes::copy_from_slice(frame), false)?;
    }
    stream.send_trailers(map(trailers))
}

/// Trailers in the place of headers.
fn only(respond: &mut SendResponse<Bytes>, headers: &[(&str, &str)]) -> Sent {
    let all = [&[GRPC], headers].concat();
    respond.send_response(head(200, &all), true).map(drop)
}

fn head(status: u16, headers: &[(&str, &str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status.try_into().unwrap_or_default();
    *response.headers_mut() = map(headers);
    response
}

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) =
            (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
        {
            all.append(name, value);
        }
    }
    all
}
