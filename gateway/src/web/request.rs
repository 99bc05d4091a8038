//! What a client speaks, and its request as native gRPC.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use tonic::codegen::StdError;

use super::base64::Decoder;
use super::leave_behind;

/// How gRPC-Web bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Binary,
    /// As base64.
    Text,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    Native,
    /// gRPC-Web, over HTTP/1.1 or HTTP/2.
    Web {
        /// How the request is written.
        request: Encoding,
        /// How the client wants the answer written.
        answer: Encoding,
    },
}

const GRPC: &str = "application/grpc";
const GRPC_WEB: &str = "application/grpc-web";
const GRPC_WEB_TEXT: &str = "application/grpc-web-text";

impl Protocol {
    /// What these headers speak; `None` when it is nothing of ours. Messages are protobuf: other
    /// formats in the content type are not ours either.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        Some(match format_of(content_type)? {
            Format::Native => Self::Native,
            Format::Web(encoding) => web(headers, encoding),
        })
    }

    /// The content type of the answer.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Native => "application/grpc",
            Self::Web { answer: Encoding::Binary, .. } => "application/grpc-web+proto",
            Self::Web { answer: Encoding::Text, .. } => "application/grpc-web-text+proto",
        })
    }
}

/// What a media type says of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Native,
    Web(Encoding),
}

/// gRPC-Web; the answer is encoded as the client accepts it, or else as it asks.
fn web(headers: &HeaderMap, request: Encoding) -> Protocol {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut formats = accepted.flat_map(|value| value.split(',')).filter_map(format_of);
    let named = formats.find_map(|format| match format {
        Format::Web(encoding) => Some(encoding),
        Format::Native => None,
    });
    Protocol::Web { request, answer: named.unwrap_or(request) }
}

/// The format that a media type names, without its parameters.
fn format_of(media_type: &str) -> Option<Format> {
    let named = media_type.split(';').next().unwrap_or_default().trim();
    let is = |format: &str| {
        let (name, suffix) = named.split_at_checked(format.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(format)
            && (suffix.is_empty() || suffix.eq_ignore_ascii_case("+proto"))
    };
    let formats = [
        (GRPC, Format::Native),
        (GRPC_WEB, Format::Web(Encoding::Binary)),
        (GRPC_WEB_TEXT, Format::Web(Encoding::Text)),
    ];
    formats.into_iter().find(|(name, _)| is(name)).map(|(_, format)| format)
}

/// Headers that belong to the client's own connection or to its browser.
const LEFT_BEHIND: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "dnt",
    "expect",
    "host",
    "origin",
    "pragma",
    "proxy-authorization",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "x-grpc-web",
];

const USER_AGENT_OF_WEB: &str = "x-user-agent";
const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// The headers as native gRPC carries them. Deadline and trace are not decided here.
pub fn native_headers(mut headers: HeaderMap, protocol: Protocol) -> HeaderMap {
    for name in named_by_connection(&headers) {
        headers.remove(name);
    }
    leave_behind(&mut headers, is_left_behind);
    if protocol != Protocol::Native {
        // A browser's client cannot read compressed messages, whatever it says.
        headers.remove(GRPC_ACCEPT_ENCODING);
        if let Some(agent) = headers.remove(USER_AGENT_OF_WEB) {
            headers.insert(header::USER_AGENT, agent);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(GRPC));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers
}

/// Also what browsers say of themselves, and what would steer an Envoy inside: that is not for strangers to do.
fn is_left_behind(name: &str) -> bool {
    LEFT_BEHIND.contains(&name) || name.starts_with("sec-") || name.starts_with("x-envoy-")
}

/// What `Connection` names lives for one hop only.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

/// A request body in base64, read as bytes.
#[derive(Debug)]
pub struct FromText<B> {
    inner: B,
    decoder: Decoder,
}

impl<B> FromText<B> {
    /// Decodes this body.
    pub fn new(inner: B) -> Self {
        Self { inner, decoder: Decoder::default() }
    }
}

impl<B> Body for FromText<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        loop {
            let polled = ready!(Pin::new(&mut self.inner).poll_frame(cx));
            let data = match polled {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    // HTTP/1.1 trailers of a request mean nothing here.
                    Err(_trailers) => continue,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    let ended = self.decoder.finish();
                    // Told once: after an error nobody reads on.
                    return Poll::Ready(ended.err().map(|error| Err(error.into())));
                }
            };
            match self.decoder.push(&data) {
                Ok(bytes) if bytes.is_empty() => {}
                decoded => return Poll::Ready(Some(decoded.map(Frame::data).map_err(Into::into))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn spoken(content_type: &'static str, accept: &'static str) -> Option<Protocol> {
        Protocol::of(&headers(&[("content-type", content_type), ("accept", accept)]))
    }

    #[test]
    fn the_content_type_tells_the_protocol_and_accept_the_answers_encoding() {
        use Encoding::{Binary, Text};
        let web = |request, answer| Some(Protocol::Web { request, answer });
        assert_eq!(spoken("application/grpc", "*/*"), Some(Protocol::Native));
        assert_eq!(spoken("application/grpc+proto", "*/*"), Some(Protocol::Native));
        assert_eq!(spoken("application/grpc-web", "*/*"), web(Binary, Binary));
        assert_eq!(spoken("application/grpc-web+proto; charset=utf-8", ""), web(Binary, Binary));
        assert_eq!(spoken("application/grpc-web-text", "*/*"), web(Text, Text));
        assert_eq!(spoken("Application/gRPC-Web-Text+proto", "text/plain"), web(Text, Text));
        assert_eq!(spoken("application/grpc-web", "application/grpc-web-text"), web(Binary, Text));
        assert_eq!(
            spoken("application/grpc-web-text", "*/*, application/grpc-web+proto;q=1"),
            web(Text, Binary)
        );
        assert_eq!(spoken("application/grpc+json", "*/*"), None);
        assert_eq!(spoken("application/json", "*/*"), None);
    }

    #[test]
    fn what_belongs_to_the_browser_and_its_connection_stays_behind() {
        let sent = headers(&[
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("cookie", "a=b"),
            ("origin", "http://a"),
            ("sec-fetch-mode", "cors"),
            ("x-envoy-max-retries", "9"),
            ("grpc-accept-encoding", "gzip"),
            ("content-type", "application/grpc-web-text"),
            ("x-grpc-web", "1"),
            ("x-user-agent", "grpc-web-javascript/0.1"),
            ("authorization", "Bearer t"),
            ("x-lot", "kept"),
        ]);
        let web = Protocol::Web { request: Encoding::Text, answer: Encoding::Text };
        let wanted = headers(&[
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", "grpc-web-javascript/0.1"),
            ("authorization", "Bearer t"),
            ("x-lot", "kept"),
        ]);
        assert_eq!(native_headers(sent, web), wanted);
    }

    #[test]
    fn a_native_client_keeps_its_compression() {
        let sent = headers(&[("grpc-accept-encoding", "gzip")]);
        assert!(native_headers(sent, Protocol::Native).contains_key("grpc-accept-encoding"));
    }
}
