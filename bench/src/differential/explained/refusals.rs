//! One of the two answers by itself what the other passes on, or both do so in their own words.

use super::Explanation;
use crate::differential::case::Wire;
use crate::differential::compare::What;
use crate::differential::judge::Speaks;

/// The classes.
pub const ALL: [Explanation; 17] = [
    Explanation {
        name: "padding",
        reason: "Text may be padded wherever a client ended a piece (PROTOCOL-WEB). Envoy takes that only where its own pieces happen to end there, and says 400 elsewhere.",
        covers: |trial, _| {
            trial.facts.padded_inside
                && trial.facts.readable
                && trial.envoy.told.status == Some(400)
        },
    },
    Explanation {
        name: "http-1.0",
        reason: "Envoy takes no HTTP/1.0 unless it is told to (426). A gRPC-Web call fits into it, and answering is what RFC 9112 asks of a server of 1.1; nothing \
                 is sent that 1.0 does not know.",
        covers: |trial, _| trial.case.wire == Wire::Zero && trial.envoy.told.status == Some(426),
    },
    Explanation {
        name: "upgrade",
        reason: "Envoy refuses an upgrade that it is not set up for (403). RFC 9110 lets a server ignore the wish and answer the request, and so do we.",
        covers: |trial, _| {
            trial.case.header("upgrade").is_some() && trial.envoy.told.status == Some(403)
        },
    },
    Explanation {
        name: "preflight",
        reason: "A preflight is answered here, whatever it asks for: 204 with all methods that REST has too, or 403 for a page that may not call. Envoy answers 200 to a \
                 page that may, and hands all others to a service, which knows nothing of CORS.",
        covers: |trial, _| {
            trial.case.is_preflight() && matches!(trial.ours.told.status, Some(204 | 403))
        },
    },
    Explanation {
        name: "no-call",
        reason: "What is no call of gRPC goes to no service: 415 for a POST of something else, 404 for the rest. Envoy hands every content type on.",
        covers: |trial, _| {
            trial.case.speaks() == Speaks::Other
                && matches!(trial.ours.told.status, Some(415 | 404))
                && trial.ours.seen.is_empty()
        },
    },
    Explanation {
        name: "calls-are-post",
        reason: "gRPC is POST (PROTOCOL-HTTP2); anything else is told so (405 with Allow). Envoy hands it to a service.",
        covers: |trial, _| {
            trial.case.method != "POST"
                && trial.ours.told.status == Some(405)
                && trial.ours.told.header("allow") == "POST, OPTIONS"
        },
    },
    Explanation {
        name: "native-over-http1",
        reason: "Native gRPC has its status in trailers, which HTTP/1.1 clients do not get to see: Envoy's answer to it ends without one. Ours is 505, and says why.",
        covers: |trial, _| {
            trial.case.is_http1()
                && trial.case.speaks() == Speaks::Native
                && trial.ours.told.status == Some(505)
        },
    },
    Explanation {
        name: "path-unknown",
        reason: "The contracts say which methods there are: any other path is UNIMPLEMENTED (PATH_UNKNOWN) and goes to nobody. Envoy goes by prefixes, and says 404 where none fits.",
        covers: |trial, _| trial.facts.ours_says("PATH_UNKNOWN") && trial.case.calls().is_none(),
    },
    Explanation {
        name: "method-internal",
        reason: "Methods that only services may call do not exist out here (METHOD_INTERNAL). Envoy does not know which they are.",
        covers: |trial, _| trial.facts.ours_says("METHOD_INTERNAL") && trial.case.calls().is_none(),
    },
    Explanation {
        name: "token",
        reason: "The gateway checks tokens; Envoy here does not.",
        covers: |trial, _| {
            let good = trial.case.values("authorization").any(|value| value.len() > 100);
            !good
                && (trial.facts.ours_says("TOKEN_INVALID")
                    || trial.facts.ours_says("TOKEN_MISSING"))
        },
    },
    Explanation {
        name: "body-broken",
        reason: "A call that takes one message is read to its end before a service hears of it; what is not whole frames, or no base64, is INVALID_ARGUMENT (REQUEST_BROKEN). \
                 Envoy counts no frames, and refuses bad base64 with HTTP 400, under which grpc-web clients look for no status.",
        covers: |trial, _| !trial.facts.framed && trial.facts.ours_says("REQUEST_BROKEN"),
    },
    Explanation {
        name: "body-too-large",
        reason: "A limit of ours (max_request_bytes): RESOURCE_EXHAUSTED (REQUEST_TOO_LARGE). Envoy has none here.",
        covers: |trial, _| trial.facts.too_large && trial.facts.ours_says("REQUEST_TOO_LARGE"),
    },
    Explanation {
        name: "media-type",
        reason: "Media types are the same in any case and with parameters (RFC 9110, 8.3.1). Envoy takes four exact texts for gRPC-Web, and hands the rest on untranslated.",
        covers: |trial, _| {
            trial.case.is_web()
                && !trial.case.is_exactly_web()
                && trial.ours.told.status == Some(200)
        },
    },
    Explanation {
        name: "header-limits",
        reason: "More headers than anybody sends are 431 with both. Envoy adds a text; over HTTP/2 it resets the stream, which tells the client nothing, and counts lines there too: ours counts bytes.",
        covers: |trial, _| {
            let (envoy, ours) = (trial.envoy.told.status, trial.ours.told.status);
            let refused = ours == Some(431) && matches!(envoy, Some(431) | None);
            let too_many = trial.case.wire == Wire::Two && envoy.is_none();
            trial.case.has_large_headers() && (refused || too_many)
        },
    },
    Explanation {
        name: "two-mistakes",
        reason: "Of two mistakes one is told. In HTTP/1.1 we look at the number of headers first (431), Envoy at the method or at what stands in a header (400).",
        covers: |trial, _| {
            trial.case.has_large_headers()
                && trial.case.is_http1()
                && (trial.case.method != "POST" || trial.case.has_control())
                && trial.ours.told.status == Some(431)
                && trial.envoy.told.status == Some(400)
        },
    },
    Explanation {
        name: "content-type-twice",
        reason: "Of two content types the first counts. Envoy joins them to a text that means nothing, and hands that on.",
        covers: |trial, _| {
            trial.case.values("content-type").count() > 1 && !trial.case.is_exactly_web_once()
        },
    },
    Explanation {
        name: "own-words",
        reason: "Both refuse with the same status of HTTP, and no service hears of it. Envoy adds its name for it as a text.",
        covers: |trial, difference| {
            let (envoy, ours) = (trial.envoy.told.status, trial.ours.told.status);
            let refused = envoy == ours && envoy.is_some_and(|status| status >= 400);
            let unseen = trial.envoy.seen.is_empty() && trial.ours.seen.is_empty();
            let words = match &difference.what {
                What::Rest => difference.ours.is_empty(),
                What::Header(name) => name == "content-type" && difference.ours == "absent",
                _ => false,
            };
            refused && unseen && words
        },
    },
];
