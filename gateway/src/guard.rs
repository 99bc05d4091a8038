//! The answer of a service on its way out: whole messages only, and always a status at the end, whatever
//! happens to the service, to the deadline or to us.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use parkmesh_platform::serve::{Deadline, Refusal, Watch};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::cluster::{Chosen, broke_at_client};
use crate::error::Error;
use crate::story::{Flag, Story};
use crate::web::frame::Whole;
use crate::web::response::has_status;

/// Until when an answer may go on.
pub struct Bounds {
    /// The caller's deadline, or the end of a stream's life.
    pub end: Option<Instant>,
    /// What to say then.
    pub when_over: Refusal,
    /// For streams: cancelled when the server stops or the connection retires.
    pub ending: Option<CancellationToken>,
    /// Tells the two apart.
    pub stopping: CancellationToken,
    /// For streams: how long nothing may come.
    pub idle: Option<Duration>,
}

/// What is told of a call: to the metrics, and to the access log.
pub struct Account {
    /// Span, metrics and the place in the room.
    pub watch: Watch,
    /// The line and the route's counts.
    pub story: Story,
}

impl Account {
    /// Looks for a status in headers or trailers; the first one counts.
    pub fn see(&mut self, headers: &HeaderMap) {
        self.watch.see(headers);
        self.story.see(headers);
    }

    /// The call ended like this.
    pub fn end(&mut self, code: Code) {
        self.watch.end(code);
        self.story.end(code);
    }
}

/// A body under guard.
pub struct Guarded {
    /// Gone once the end was said; dropping it cancels the call inside.
    inner: Option<Body>,
    whole: Whole,
    account: Account,
    end: Option<Pin<Box<Sleep>>>,
    ending: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    when_over: Refusal,
    stopping: CancellationToken,
    idle: Option<(Duration, Pin<Box<Sleep>>)>,
    /// Counts as load of its replica until the body is gone.
    chosen: Option<Chosen>,
}

impl Guarded {
    /// Guards a body. No message in it may be longer than the limit.
    pub fn new(
        inner: Body,
        account: Account,
        bounds: Bounds,
        message_bytes_max: usize,
        chosen: Option<Chosen>,
    ) -> Self {
        Self {
            inner: Some(inner),
            whole: Whole::new(message_bytes_max),
            account,
            end: bounds.end.map(|end| Box::pin(sleep_until(end))),
            ending: bounds.ending.map(|token| Box::pin(token.cancelled_owned())),
            when_over: bounds.when_over,
            stopping: bounds.stopping,
            idle: bounds.idle.map(|idle| (idle, Box::pin(sleep_until(Deadline::after(idle).at)))),
            chosen,
        }
    }

    fn over(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if let Some(ending) = &mut self.ending
            && ending.as_mut().poll(cx).is_ready()
        {
            let whole = self.stopping.is_cancelled();
            let refusal = if whole { Refusal::ShuttingDown } else { Refusal::ConnectionRetires };
            self.account.story.flag(Flag::DurationTimeout);
            return Some(refusal.to_status());
        }
        let end = self.end.as_mut()?;
        if end.as_mut().poll(cx).is_pending() {
            return None;
        }
        let late = matches!(self.when_over, Refusal::DeadlineExceeded);
        let flag = if late { Flag::UpstreamRequestTimeout } else { Flag::DurationTimeout };
        self.account.story.flag(flag);
        Some(self.when_over.to_status())
    }

    /// Nothing came yet: whether that is so for too long.
    fn idle(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let Some((_, silence)) = &mut self.idle else { return Poll::Pending };
        silence.as_mut().poll(cx).map(|()| {
            self.account.story.flag(Flag::StreamIdle);
            Error::StreamIdle.into()
        })
    }

    /// Ends with a status of ours. A message that is not complete is dropped.
    fn refuse(&mut self, status: &Status) -> Frame<Bytes> {
        self.inner = None;
        self.account.end(status.code());
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            // Only a status that no header can hold: its code always can.
            trailers.insert("grpc-status", (status.code() as i32).into());
        }
        Frame::trailers(trailers)
    }

    fn broke_off(&mut self) -> Frame<Bytes> {
        if let Some(chosen) = &self.chosen {
            chosen.broke_off();
        }
        self.account.story.flag(Flag::UpstreamConnectionTermination);
        self.refuse(&Error::ServiceBrokeOff.into())
    }

    fn data(&mut self, data: Bytes) -> Option<Frame<Bytes>> {
        match self.whole.push(data) {
            Ok(whole) if whole.is_empty() => None,
            Ok(whole) => {
                self.account.story.sent(whole.len());
                Some(Frame::data(whole))
            }
            Err(too_long) => {
                tracing::warn!(%too_long, "an answer was cut");
                Some(self.refuse(&Error::AnswerTooLarge.into()))
            }
        }
    }

    fn trailers(&mut self, trailers: HeaderMap) -> Frame<Bytes> {
        if !has_status(&trailers) || !self.whole.is_at_boundary() {
            return self.broke_off();
        }
        self.account.see(&trailers);
        self.inner = None;
        Frame::trailers(trailers)
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.inner.is_none() {
            return Poll::Ready(None);
        }
        // Looked at first: a stream that always has more to say must end too.
        if let Some(status) = this.over(cx) {
            return Poll::Ready(Some(Ok(this.refuse(&status))));
        }
        loop {
            let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
            let Poll::Ready(polled) = Pin::new(inner).poll_frame(cx) else {
                return this.idle(cx).map(|status| Some(Ok(this.refuse(&status))));
            };
            if let Some((idle, silence)) = &mut this.idle {
                silence.as_mut().reset(Deadline::after(*idle).at);
            }
            let frame = match polled {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.data(data),
                    Err(frame) => frame.into_trailers().ok().map(|found| this.trailers(found)),
                },
                Some(Err(error)) if broke_at_client(&error) => {
                    this.account.story.flag(Flag::DownstreamProtocolError);
                    Some(this.refuse(&Error::RequestBroken.into()))
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a service broke off");
                    Some(this.broke_off())
                }
                None => Some(this.broke_off()),
            };
            if let Some(frame) = frame {
                return Poll::Ready(Some(Ok(frame)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }
}
