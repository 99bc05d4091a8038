//! The response body of a served call. It keeps the call's place and its watch until the last byte,
//! and ends streams with a reason when the server stops, the connection retires, the client's own
//! deadline passes, or the stream has lived long enough.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use super::observe::Watch;
use super::{Call, Refusal};

/// What goes back to the client.
pub(super) struct ServedBody {
    /// Gone once the end was sent.
    inner: Option<Body>,
    watch: Watch,
    stream: Option<Box<Stream>>,
}

/// What bounds a server stream.
struct Stream {
    call: Arc<Call>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    life: Pin<Box<Sleep>>,
    /// What to say when the life is over.
    when_over: Refusal,
    stopping: CancellationToken,
}

impl ServedBody {
    /// The body of a call that is over in one answer.
    pub fn unary(inner: Body, watch: Watch) -> Self {
        Self { inner: Some(inner), watch, stream: None }
    }

    /// The body of a server stream that lives until `life_end` at most, or until its call's deadline.
    pub fn stream(
        inner: Body,
        watch: Watch,
        call: Arc<Call>,
        life_end: Instant,
        stopping: CancellationToken,
    ) -> Self {
        let (end, when_over) = match call.deadline {
            Some(deadline) if deadline.at < life_end => (deadline.at, Refusal::DeadlineExceeded),
            _ => (life_end, Refusal::StreamLifeOver),
        };
        let stream = Stream {
            ended: Box::pin(call.ending.clone().cancelled_owned()),
            life: Box::pin(sleep_until(end)),
            call,
            when_over,
            stopping,
        };
        Self { inner: Some(inner), watch, stream: Some(Box::new(stream)) }
    }

    /// Ends with a status of ours. Dropping the inner body stops the work behind it.
    fn refuse(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.inner = None;
        self.stream = None;
        let status = refusal.to_status();
        self.watch.end(status.code());
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(unfit) => Poll::Ready(Some(Err(unfit))),
        }
    }
}

impl Stream {
    fn over(&mut self, cx: &mut Context<'_>) -> Option<Refusal> {
        if self.ended.as_mut().poll(cx).is_ready() {
            let whole = self.stopping.is_cancelled();
            return Some(if whole { Refusal::ShuttingDown } else { Refusal::ConnectionRetires });
        }
        self.life.as_mut().poll(cx).is_ready().then_some(self.when_over)
    }
}

impl http_body::Body for ServedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let polled = match &mut this.stream {
            None => Pin::new(inner).poll_frame(cx),
            Some(stream) => {
                // Looked at first: a stream that always has more to say must end too.
                if let Some(refusal) = stream.over(cx) {
                    return this.refuse(refusal);
                }
                let call = Arc::clone(&stream.call);
                let _entered = this.watch.span.enter();
                let poll = || call.enter(|| Pin::new(inner).poll_frame(cx));
                match catch_unwind(AssertUnwindSafe(poll)) {
                    Ok(polled) => polled,
                    Err(_panic) => {
                        tracing::error!("a stream's handler panicked");
                        drop(_entered);
                        return this.refuse(Refusal::HandlerFailed);
                    }
                }
            }
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.watch.see(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => this.watch.end(status.code()),
            Poll::Ready(None) => {
                // No trailers at all: a client would call that UNKNOWN.
                this.watch.end(Code::Unknown);
                this.inner = None;
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
