//! A native answer as the client wants it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::response::Parts;
use http_body::{Body, Frame};

use super::base64;
use super::frame::trailer_frame;
use super::leave_behind;
use super::request::{Encoding, Protocol};

/// A native body, with the trailers in its last frame. It expects whole frames and a status in the
/// trailers, which is the guard's work.
#[derive(Debug)]
pub struct ToWeb<B> {
    inner: B,
    encoding: Encoding,
    ended: bool,
}

impl<B> ToWeb<B> {
    /// Translates this body.
    pub fn new(inner: B, encoding: Encoding) -> Self {
        Self { inner, encoding, ended: false }
    }

    fn written(&self, bytes: Bytes) -> Frame<Bytes> {
        Frame::data(match self.encoding {
            Encoding::Binary => bytes,
            Encoding::Text => base64::encode(&bytes),
        })
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ToWeb<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Some(polled) = ready!(Pin::new(&mut self.inner).poll_frame(cx)) else {
            return Poll::Ready(None);
        };
        let frame = match polled {
            Ok(frame) => frame,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        let written = match frame.into_data() {
            Ok(data) => self.written(data),
            Err(frame) => {
                self.ended = true;
                match frame.into_trailers() {
                    Ok(trailers) if !trailers.is_empty() => self.written(trailer_frame(&trailers)),
                    // An empty trailer frame is an error to some clients.
                    _ => return Poll::Ready(None),
                }
            }
        };
        Poll::Ready(Some(Ok(written)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// Headers that belong to the connection between us and the service.
const LEFT_BEHIND: &[&str] = &[
    "connection",
    "content-length",
    "date",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Makes a native answer's head into one for the client.
pub fn dress(parts: &mut Parts, protocol: Protocol) {
    leave_behind(&mut parts.headers, |name| LEFT_BEHIND.contains(&name));
    parts.headers.insert(header::CONTENT_TYPE, protocol.content_type());
    // Our answers are a caller's own: no cache on the way may keep one.
    parts.headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    // The version is that of the client's connection.
    parts.version = http::Version::default();
    parts.extensions.clear();
}

/// Whether these headers or trailers end a call.
pub fn has_status(headers: &HeaderMap) -> bool {
    headers.contains_key("grpc-status")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn body(
        trailers: &[(&'static str, &'static str)],
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let trailers: HeaderMap = trailers
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            })
            .collect();
        let frames =
            [Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x01A"))), Ok(Frame::trailers(trailers))];
        StreamBody::new(stream::iter(frames))
    }

    async fn read(encoding: Encoding, trailers: &[(&'static str, &'static str)]) -> Bytes {
        let web = ToWeb::new(body(trailers), encoding);
        web.collect().await.expect("no errors").to_bytes()
    }

    #[tokio::test]
    async fn trailers_become_the_last_frame() {
        let ok = [("grpc-status", "0")];
        let binary = read(Encoding::Binary, &ok).await;
        assert_eq!(binary.as_ref(), b"\0\0\0\0\x01A\x80\0\0\0\x10grpc-status: 0\r\n");
        let text = read(Encoding::Text, &ok).await;
        let decoded = base64::Decoder::default().push(&text).expect("base64");
        assert_eq!(decoded, binary);
    }

    #[tokio::test]
    async fn no_trailer_frame_is_ever_empty() {
        assert_eq!(read(Encoding::Binary, &[]).await.as_ref(), b"\0\0\0\0\x01A");
    }
}
