//! What came of a request: what its client was told, and what the upstream saw of it.

use std::collections::BTreeMap;

use http::HeaderMap;

use super::upstream::Seen;

/// Headers or trailers by name, values in their order.
pub type Fields = BTreeMap<String, Vec<String>>;

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It did not, or nobody looked.
    Open,
    /// As it should, with these trailers of HTTP.
    Whole(Fields),
    /// Something broke.
    Broken(String),
}

/// What the client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The status; none when there was no answer.
    pub status: Option<u16>,
    /// The headers.
    pub headers: Fields,
    /// The body, as it came.
    pub body: Vec<u8>,
    /// Its end.
    pub end: End,
}

impl Told {
    /// No answer.
    pub fn nothing(why: impl Into<String>) -> Self {
        let end = End::Broken(why.into());
        Self { status: None, headers: Fields::new(), body: Vec::new(), end }
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> &str {
        first(&self.headers, name)
    }

    /// Messages and trailers of a body in gRPC-Web, or of gRPC's own.
    pub fn read(&self) -> Read {
        let content_type = self.header("content-type");
        let bytes = match content_type.starts_with("application/grpc-web-text") {
            true => from_text(&self.body),
            false => self.body.clone(),
        };
        let mut read = Read::default();
        let mut rest = &bytes[..];
        while let Some((flags, message, next)) = frame(rest) {
            if flags & TRAILER_FLAG == 0 {
                read.messages.push((flags, message.to_vec()));
            } else {
                read.trailers = lines(message);
            }
            rest = next;
        }
        read.rest = rest.to_vec();
        if let End::Whole(trailers) = &self.end {
            read.trailers.extend(trailers.clone());
        }
        read
    }
}

/// A body that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Flags and bytes of each message.
    pub messages: Vec<(u8, Vec<u8>)>,
    /// The trailers, of the last frame or of HTTP.
    pub trailers: Fields,
    /// What makes no frame.
    pub rest: Vec<u8>,
}

/// Both sides of a request through one gateway.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What its client was told.
    pub told: Told,
    /// What the upstream saw: each attempt.
    pub seen: Vec<Seen>,
}

const HEADER_BYTES: usize = 5;
const TRAILER_FLAG: u8 = 0x80;

/// The first frame: its flags, its message, and what follows.
pub fn frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let (message, next) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((head[0], message, next))
}

/// A frame with these flags.
pub fn framed(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[flags], &length.to_be_bytes()[..], message].concat()
}

/// Pieces of base64, each padded for itself. What makes no sense is left out: both sides are read alike.
pub fn from_text(text: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let groups = text.chunks(4);
    let engine = base64::engine::general_purpose::STANDARD;
    groups.flat_map(|group| engine.decode(group).unwrap_or_default()).collect()
}

fn lines(frame: &[u8]) -> Fields {
    let mut trailers = Fields::new();
    for line in String::from_utf8_lossy(frame).lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        trailers.entry(name.to_owned()).or_default().push(value.trim().to_owned());
    }
    trailers
}

/// Headers as text; bytes that are none are escaped.
pub fn fields(headers: &HeaderMap) -> Fields {
    let mut all = Fields::new();
    for (name, value) in headers {
        let text = value.as_bytes().escape_ascii().to_string();
        all.entry(name.to_string()).or_default().push(text);
    }
    all
}

/// The first value of a field.
pub fn first<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(|values| values.first()).map_or("", String::as_str)
}
