//! What can be said of a trial: what the client spoke, whether its body made sense, and what our gateway answered for itself.

use base64::Engine;
use base64::alphabet::STANDARD as LETTERS;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use parkmesh_contracts::methods::{self, Method};

use super::case::{Case, Wire};
use super::outcome::{Told, first, frame};

/// What a request speaks, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// gRPC.
    Native,
    /// gRPC-Web in bytes.
    Binary,
    /// gRPC-Web in base64.
    Text,
    /// Nothing of ours.
    Other,
}

/// Content types that Envoy takes for gRPC-Web: these letters and no others.
const EXACT: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];
/// As much as our gateway takes of a call with one message.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
const TRAILER_FLAG: u8 = 0x80;
/// As many header lines as both take of HTTP/1.1, with those that the case's name adds; and as many bytes, nearly.
const HEADERS_MAX: usize = 64;
const HEADERS_ADDED: usize = 4;
const HEADER_BYTES_MAX: usize = 15_000;

impl Case {
    /// What it speaks, media types read as RFC 9110 says: in any case, parameters apart.
    pub fn speaks(&self) -> Speaks {
        let told = self.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let told = told.split(';').next().unwrap_or_default().trim();
        match told.strip_suffix("+proto").unwrap_or(told) {
            "application/grpc" => Speaks::Native,
            "application/grpc-web" => Speaks::Binary,
            "application/grpc-web-text" => Speaks::Text,
            _ => Speaks::Other,
        }
    }

    /// Whether it speaks gRPC-Web.
    pub fn is_web(&self) -> bool {
        matches!(self.speaks(), Speaks::Binary | Speaks::Text)
    }

    /// Whether Envoy sees so, too.
    pub fn is_exactly_web(&self) -> bool {
        self.header("content-type").is_some_and(|told| EXACT.contains(&told))
    }

    /// Whether it has one content type, which Envoy takes for gRPC-Web.
    pub fn is_exactly_web_once(&self) -> bool {
        self.values("content-type").count() == 1 && self.is_exactly_web()
    }

    /// Whether it has more headers than either takes, in number or in bytes.
    pub fn has_large_headers(&self) -> bool {
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.headers.len() + HEADERS_ADDED > HEADERS_MAX || bytes > HEADER_BYTES_MAX
    }

    /// Whether a header has a control character in it.
    pub fn has_control(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.chars().any(char::is_control))
    }

    /// The method that it calls, if there is one and a token opens it.
    pub fn calls(&self) -> Option<&'static Method> {
        let path = self.path.split('?').next().unwrap_or_default();
        methods::find(path).filter(|method| !method.scopes.is_empty())
    }

    /// Its body in bytes; none when it is no base64.
    fn decoded(&self) -> Option<Vec<u8>> {
        if self.speaks() != Speaks::Text {
            return Some(self.bytes());
        }
        let padded = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
        let engine = GeneralPurpose::new(&LETTERS, padded);
        let groups = self.bytes();
        let groups: Result<Vec<_>, _> =
            groups.chunks(4).map(|group| engine.decode(group)).collect();
        groups.ok().map(|groups| groups.concat())
    }

    /// Whether it is a browser's question before a call.
    pub fn is_preflight(&self) -> bool {
        self.method == "OPTIONS" && self.header("access-control-request-method").is_some()
    }

    /// Whether it is text with padding before its end.
    fn is_padded_inside(&self) -> bool {
        let bytes = self.bytes();
        let padded = bytes.iter().position(|character| *character == b'=');
        self.speaks() == Speaks::Text && padded.is_some_and(|at| at + 2 < bytes.len())
    }

    /// Whether it comes over HTTP/1.
    pub fn is_http1(&self) -> bool {
        self.wire != Wire::Two
    }
}

/// What is asked of a trial again and again, found out once: bodies may be long.
#[derive(Debug)]
pub struct Facts {
    /// Whether the request's body is whole messages, one at least.
    pub framed: bool,
    /// Whether it can be read at all: text may be no base64.
    pub readable: bool,
    /// Whether it has a frame with flags that gRPC does not know.
    pub strange_flags: bool,
    /// Whether it is over our limit.
    pub too_large: bool,
    /// Whether it is text with padding before its end.
    pub padded_inside: bool,
    /// The details of the status with which our gateway answered.
    details: Vec<u8>,
}

impl Facts {
    /// Of a request, and of what our gateway made of it.
    pub fn of(case: &Case, ours: &Told) -> Self {
        let body = case.decoded();
        Self {
            framed: body.as_ref().is_some_and(|body| is_framed(body)),
            readable: body.is_some(),
            strange_flags: body.as_ref().is_some_and(|body| has_strange_flags(body)),
            // What is no base64 may be too long before that is found.
            too_large: body.map_or(case.bytes().len() / 4 * 3, |body| body.len())
                > REQUEST_BYTES_MAX,
            padded_inside: case.is_padded_inside(),
            details: details(ours),
        }
    }

    /// Whether our gateway itself answered, for this reason.
    pub fn ours_says(&self, reason: &str) -> bool {
        self.details.windows(reason.len()).any(|part| part == reason.as_bytes())
    }
}

/// Whether these are whole messages, one at least.
fn is_framed(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((_, _, next)) = frame(rest) {
        rest = next;
    }
    rest.is_empty() && bytes.first().is_some_and(|flags| flags & TRAILER_FLAG == 0)
}

/// Whether a frame's flags are neither those of a message nor of a compressed one.
fn has_strange_flags(bytes: &[u8]) -> bool {
    let frames = std::iter::successors(frame(bytes), |(_, _, rest)| frame(rest));
    frames.into_iter().any(|(flags, _, _)| flags > 1)
}

/// The details of a status, wherever they stand.
fn details(told: &Told) -> Vec<u8> {
    const DETAILS: &str = "grpc-status-details-bin";
    let read = told.read();
    let text = match first(&told.headers, DETAILS) {
        "" => first(&read.trailers, DETAILS),
        text => text,
    };
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    engine.decode(text.trim_end_matches('=')).unwrap_or_default()
}
