//! One attempt at one replica.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use parkmesh_platform::serve::Deadline;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;

use super::Cluster;
use super::breakers::Place;
use super::connection::NoConnection;
use super::host::Host;
use super::outgoing;
use super::outlier::Outcome;

/// A silence that is shorter says nothing of the replica: whoever sets shorter deadlines could otherwise have
/// replicas ejected.
const SILENCE_MIN: Duration = Duration::from_millis(250);
/// Answers of repeatable calls that are read to their end before the client sees any of it, in bytes: one
/// that breaks off can still be asked for again.
const READ_BYTES_MAX: usize = 256 * 1024;

/// How an attempt ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No connection: nothing was sent.
    Connect,
    /// No place for one.
    Full,
    /// The replica says that it has not looked at it.
    Refused,
    /// It broke.
    Reset,
    /// The client's own body did, while it was passed on.
    Request,
    /// Time ran out.
    Silent,
}

/// An attempt without an answer.
pub struct Unanswered {
    /// Why.
    pub broken: Broken,
    /// The body, where nothing of it was sent: it can still be sent, also where it comes only once.
    pub unsent: Option<Body>,
}

impl Unanswered {
    fn unsent(broken: Broken, request: Request<Body>) -> Self {
        Self { broken, unsent: Some(request.into_body()) }
    }
}

impl From<Broken> for Unanswered {
    fn from(broken: Broken) -> Self {
        Self { broken, unsent: None }
    }
}

/// What came of an attempt.
pub type Attempted = Result<(Response<Body>, Place), Unanswered>;

/// What an attempt needs to know.
pub struct Try {
    /// The request.
    pub request: Request<Body>,
    /// Until when it waits.
    pub until: Option<Instant>,
    /// Whether the answer is read to its end first.
    pub read: bool,
    /// Whether the answer is a stream: it waits by design, so that its time does not tell of the replica.
    pub streams: bool,
}

impl Cluster {
    /// Sends a request to a replica and waits for the answer's head, or for all of it.
    pub(super) async fn attempt(&self, host: &Arc<Host>, asked: Try) -> Attempted {
        self.stats.rq_total.add();
        host.stats.rq_total.add();
        let began = Deadline::after(Duration::ZERO).at;
        let (until, streams) = (asked.until, asked.streams);
        let mut sent = pin!(self.send(host, asked));
        let ended = match until {
            Some(until) => {
                timeout_at(until, sent.as_mut()).await.unwrap_or(Err(Broken::Silent.into()))
            }
            None => sent.await,
        };
        let took = began.elapsed();
        match &ended {
            Ok((response, _)) => {
                self.stats.rq_completed.add();
                host.stats.rq_success.add();
                self.report(host, outcome_of(response, (!streams).then_some(took)));
            }
            Err(unanswered) => self.note(host, unanswered.broken, took),
        }
        ended
    }

    fn note(&self, host: &Arc<Host>, broken: Broken, took: Duration) {
        if broken == Broken::Request {
            // Nothing that a client sends speaks against a replica.
            return;
        }
        host.stats.rq_error.add();
        match broken {
            Broken::Full | Broken::Request => return,
            Broken::Silent => {
                host.stats.rq_timeout.add();
                if took < SILENCE_MIN {
                    return;
                }
            }
            Broken::Reset | Broken::Refused => self.stats.rq_rx_reset.add(),
            Broken::Connect => {}
        }
        self.report(host, Outcome::Away);
    }

    async fn send(&self, host: &Arc<Host>, asked: Try) -> Attempted {
        let Try { request, read, streams, .. } = asked;
        let pool = if streams { &host.streams } else { &host.calls };
        let (mut ticket, new) = match pool.ticket(&self.breakers, &self.tasks).await {
            Ok(ticket) => ticket,
            Err(NoConnection::Full) => {
                self.stats.cx_overflow.add();
                return Err(Broken::Full.into());
            }
            Err(NoConnection::Refused) => {
                self.stats.cx_connect_fail.add();
                host.stats.cx_connect_fail.add();
                return Err(Unanswered::unsent(Broken::Connect, request));
            }
        };
        if new {
            self.stats.cx_total.add();
            host.stats.cx_total.add();
        }
        let answered = ticket.sender.try_send_request(request).await;
        let response = answered.map_err(|mut error| {
            // The message comes back when it never left.
            let unsent = error.take_message();
            let error = error.into_error();
            tracing::debug!(address = %host.address, %error, "a replica did not answer");
            match unsent {
                Some(request) => Unanswered::unsent(Broken::Connect, request),
                None => kind_of(&error).into(),
            }
        })?;
        if !read {
            return Ok((response.map(Body::new), ticket.place));
        }
        let (parts, body) = response.into_parts();
        let body = outgoing::read(body, READ_BYTES_MAX).await.map_err(|error| kind_of(&error))?;
        Ok((Response::from_parts(parts, Body::new(body)), ticket.place))
    }

    /// Sends a request that is no call, once.
    pub(super) async fn exchange(
        &self,
        host: &Arc<Host>,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Broken> {
        let ticket = host.calls.ticket(&self.breakers, &self.tasks).await;
        let (mut ticket, _new) = ticket.map_err(|_| Broken::Connect)?;
        ticket.sender.send_request(request).await.map_err(|error| kind_of(&error))
    }
}

/// Who broke it, and whether the replica has seen it.
fn kind_of(error: &hyper::Error) -> Broken {
    let Some(h2) = h2_error(error) else { return Broken::Reset };
    let refused = h2.reason() == Some(h2::Reason::REFUSED_STREAM);
    // Streams beyond the last one that a graceful GOAWAY names were not looked at.
    let gone = h2.is_go_away() && h2.is_remote() && h2.reason() == Some(h2::Reason::NO_ERROR);
    match (is_ours(h2), refused || gone) {
        (true, _) => Broken::Request,
        (false, true) => Broken::Refused,
        (false, false) => Broken::Reset,
    }
}

/// Whether an answer broke because the client's body did.
pub fn broke_at_client(error: &(dyn StdError + 'static)) -> bool {
    h2_error(error).is_some_and(is_ours)
}

/// Whether we have reset the stream, and did so only because the body that we were sending broke.
fn is_ours(error: &h2::Error) -> bool {
    error.is_reset() && !error.is_remote() && !error.is_library()
}

fn h2_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e h2::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// What an answer says of its replica: INTERNAL and the like do, UNAVAILABLE does not. Who says that it is
/// overloaded lives, and ejecting it would leave less for the others' load.
fn outcome_of<B>(response: &Response<B>, took: Option<Duration>) -> Outcome {
    if response.status().is_server_error() {
        return Outcome::Broken;
    }
    let code = response.headers().get("grpc-status");
    let broken = code.is_some_and(|code| matches!(code.as_bytes(), b"2" | b"13" | b"15"));
    if broken { Outcome::Broken } else { Outcome::Good(took) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_speaks_of_overload_does_not_speak_against_its_replica() {
        let outcome = |status: &str| {
            let response = Response::builder().header("grpc-status", status).body(());
            outcome_of(&response.expect("an answer"), None)
        };
        for good in ["0", "5", "14", "8"] {
            assert_eq!(outcome(good), Outcome::Good(None), "{good}");
        }
        for broken in ["2", "13", "15"] {
            assert_eq!(outcome(broken), Outcome::Broken, "{broken}");
        }
    }
}
