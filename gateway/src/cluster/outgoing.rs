//! A call's body on its way inwards, and an answer's that was begun to be read.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tonic::body::Body;

/// A request's body on its way inwards.
#[derive(Debug)]
pub enum Outgoing {
    /// All of it: can be sent again.
    Whole(Bytes),
    /// As it comes: only once; None while it is sent.
    Stream(Option<Body>),
}

impl Outgoing {
    /// The body for one attempt.
    pub fn take(&mut self) -> Body {
        match self {
            Self::Whole(bytes) => Body::new(Full::new(bytes.clone())),
            Self::Stream(body) => body.take().unwrap_or_default(),
        }
    }

    /// Nothing of it was sent.
    pub fn give_back(&mut self, unsent: Body) {
        if let Self::Stream(body) = self {
            *body = Some(unsent);
        }
    }

    /// Whether there is anything to be sent.
    pub fn is_here(&self) -> bool {
        !matches!(self, Self::Stream(None))
    }

    /// Whether it can be sent again.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The body, for a service in this process.
    pub fn into_body(mut self) -> Body {
        self.take()
    }
}

/// What was read of an answer, and the rest of it.
pub struct Begun {
    frames: VecDeque<Frame<Bytes>>,
    rest: Option<Incoming>,
}

/// Reads an answer to its end, or until it is longer than `bytes_max`: then the rest comes as it comes.
///
/// # Errors
/// When it breaks off before.
pub async fn read(mut body: Incoming, bytes_max: usize) -> Result<Begun, hyper::Error> {
    let (mut frames, mut bytes) = (VecDeque::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        bytes += frame.data_ref().map_or(0, Bytes::len);
        frames.push_back(frame);
        if bytes > bytes_max {
            return Ok(Begun { frames, rest: Some(body) });
        }
    }
    Ok(Begun { frames, rest: None })
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}
