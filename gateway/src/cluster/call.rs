//! One call's way to a replica, and to another one where the first does not answer.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response};
use parkmesh_contracts::methods::Method;
use parkmesh_platform::serve::{Deadline, GRPC_TIMEOUT};
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::body::Body;

use super::attempt::{Broken, Try};
use super::breakers::Place;
use super::host::Host;
use super::outgoing::Outgoing;
use super::settings::{RetryOn, RetryPolicy};
use super::{Chosen, Cluster};

/// How long the head of a document may take.
const DOCUMENT_WAIT: Duration = Duration::from_secs(5);
/// An attempt that another may follow is given at least this much.
const TRY_MIN: Duration = Duration::from_millis(20);

/// What is asked.
pub struct Ask<'a> {
    /// The call.
    pub method: &'static Method,
    /// Its headers, as native gRPC carries them.
    pub headers: &'a HeaderMap,
    /// When nobody waits any more.
    pub deadline: Option<Deadline>,
    /// What may be repeated.
    pub policy: &'a RetryPolicy,
}

/// An answer, and where it comes from.
pub type Answered = (Response<Body>, Chosen);

/// No answer, and what was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// Why.
    pub failed: Failed,
    /// Attempts.
    pub attempts: u32,
    /// Whether another attempt would have been made, had there been one left.
    pub retries_spent: bool,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// There is no replica.
    NoHost,
    /// None could be reached.
    Connect,
    /// The one that was reached broke off.
    Reset,
    /// Too much is under way already.
    Full,
    /// The deadline passed.
    TooLate,
}

impl Cluster {
    /// Sends a call and waits for the answer's head. Nothing has gone to the client at this point, so a
    /// call that no replica has seen, or that may be seen twice, gets further attempts if the policy and
    /// the budget allow them.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn call(
        self: &Arc<Self>,
        ask: Ask<'_>,
        body: Outgoing,
    ) -> Result<Answered, NoAnswer> {
        let Some(request) = self.breakers.request() else {
            self.stats.rq_pending_overflow.add();
            let failed = Failed::Full;
            return Err(NoAnswer { failed, attempts: 0, retries_spent: false });
        };
        Calling { cluster: self, ask, body, tried: Vec::new(), retry: None }.run(request).await
    }

    /// Fetches a document, in the time that one may take.
    ///
    /// # Errors
    /// When no head came back in time.
    pub async fn fetch(&self, mut request: Request<Body>) -> Result<Response<Body>, Failed> {
        let host = self.members.choose(&self.ids, &[]).ok_or(Failed::NoHost)?;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = host.uri(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        let until = Deadline::after(DOCUMENT_WAIT);
        match timeout_at(until.at, self.exchange(&host, request)).await {
            Ok(Ok(response)) => Ok(response.map(Body::new)),
            Ok(Err(_broken)) => Err(Failed::Connect),
            Err(_elapsed) => Err(Failed::TooLate),
        }
    }
}

/// A call that is being made.
struct Calling<'a> {
    cluster: &'a Arc<Cluster>,
    ask: Ask<'a>,
    body: Outgoing,
    tried: Vec<Arc<Host>>,
    /// The place of a repetition.
    retry: Option<Place>,
}

impl Calling<'_> {
    async fn run(mut self, request: Place) -> Result<Answered, NoAnswer> {
        let cluster = self.cluster;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Some(host) = cluster.members.choose(&cluster.ids, &self.tried) else {
                return Err(self.no_answer(Failed::NoHost, attempts));
            };
            let load = host.in_flight.enter(usize::MAX);
            self.tried.push(Arc::clone(&host));
            let until = self.until(attempts);
            let asked = self.asked(&host, until);
            let ended = cluster.attempt(&host, asked).await;
            if self.retry.is_some() && ended.is_ok() {
                cluster.stats.rq_retry_success.add();
            }
            if self.may_follow(&ended, attempts) && self.is_allowed(attempts) {
                if !cluster.members.has_untried(&self.tried) {
                    pause(cluster, self.ask.policy, attempts).await;
                }
                continue;
            }
            return match (ended, load) {
                (Ok((response, stream)), Some(load)) => {
                    let cluster = Arc::clone(cluster);
                    let _places = [request, load, stream];
                    Ok((response, Chosen { cluster, host, attempts, _places }))
                }
                (Err(broken), _) => Err(self.no_answer(self.failed(broken), attempts)),
                (Ok(_), None) => Err(self.no_answer(Failed::Full, attempts)),
            };
        }
    }

    fn no_answer(&self, failed: Failed, attempts: u32) -> NoAnswer {
        let retries_spent = attempts > 1 && attempts > self.ask.policy.num_retries;
        NoAnswer { failed, attempts, retries_spent }
    }

    fn failed(&self, broken: Broken) -> Failed {
        match broken {
            Broken::Connect => Failed::Connect,
            Broken::Refused | Broken::Reset => Failed::Reset,
            Broken::Full => {
                self.cluster.stats.rq_pending_overflow.add();
                Failed::Full
            }
            Broken::Silent => {
                self.cluster.stats.rq_timeout.add();
                Failed::TooLate
            }
        }
    }

    fn repeatable(&self) -> bool {
        self.ask.method.idempotency.is_repeatable()
    }

    fn asked(&mut self, host: &Host, until: Option<Instant>) -> Try {
        let mut request = Request::new(self.body.take());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = host.uri(PathAndQuery::from_static(self.ask.method.path));
        *request.headers_mut() = self.ask.headers.clone();
        if let Some(deadline) = self.ask.deadline {
            request.headers_mut().insert(GRPC_TIMEOUT, deadline.header());
        }
        let unary = !self.ask.method.server_streaming;
        let read = unary && self.repeatable() && self.body.is_whole();
        Try { request, until, read, timed: unary }
    }

    /// Until when this attempt waits: while another can follow, half of what is left.
    fn until(&self, attempts: u32) -> Option<Instant> {
        let deadline = self.ask.deadline;
        let end = deadline.map(|deadline| deadline.at);
        let (policy, method) = (self.ask.policy, self.ask.method);
        let can_follow = attempts <= policy.num_retries
            && self.body.is_whole()
            && self.repeatable()
            && !method.server_streaming
            && policy.retry_on.deadline_exceeded;
        let own = match policy.per_try_timeout {
            Some(timeout) if can_follow => Some(Deadline::after(timeout).at),
            None if can_follow && self.cluster.members.has_untried(&self.tried) => {
                deadline.map(|deadline| Deadline::after((deadline.remaining() / 2).max(TRY_MIN)).at)
            }
            _ => None,
        };
        [end, own].into_iter().flatten().min()
    }

    /// Whether another attempt does no harm and may help.
    fn may_follow(&self, ended: &Result<(Response<Body>, Place), Broken>, attempts: u32) -> bool {
        let on = self.ask.policy.retry_on;
        if !self.body.is_whole() || self.ask.deadline.is_some_and(|end| end.remaining().is_zero()) {
            return false;
        }
        let wanted = match ended {
            Err(broken) => {
                if *broken == Broken::Silent {
                    self.cluster.stats.rq_per_try_timeout.add();
                }
                may_repeat(*broken, on, self.repeatable())
            }
            // Only of somebody else: who is overloaded is not helped by the same again.
            Ok((response, _)) => {
                on.unavailable
                    && self.repeatable()
                    && is_unavailable(response)
                    && self.cluster.members.has_untried(&self.tried)
            }
        };
        if wanted && attempts > self.ask.policy.num_retries {
            self.cluster.stats.rq_retry_limit_exceeded.add();
        }
        wanted && attempts <= self.ask.policy.num_retries
    }

    fn is_allowed(&mut self, attempts: u32) -> bool {
        if attempts == 1 {
            self.retry = self.cluster.breakers.retry();
            if self.retry.is_none() {
                self.cluster.stats.rq_retry_overflow.add();
                return false;
            }
        }
        self.cluster.stats.rq_retry.add();
        true
    }
}

/// Whether what broke like this may be sent again: if no replica has seen it, or if it does no harm twice.
fn may_repeat(broken: Broken, on: RetryOn, repeatable: bool) -> bool {
    match broken {
        Broken::Connect => on.connect_failure,
        Broken::Refused => on.refused_stream,
        Broken::Reset => on.reset && repeatable,
        Broken::Silent => on.deadline_exceeded && repeatable,
        Broken::Full => false,
    }
}

/// Waits before the same replicas are asked again.
async fn pause(cluster: &Cluster, policy: &RetryPolicy, attempts: u32) {
    let wait = policy.base_interval.saturating_mul(1 << attempts.min(16));
    let jittered = wait.min(policy.max_interval).mul_f64(0.5 + cluster.ids.fraction() / 2.0);
    sleep_until(Deadline::after(jittered).at).await;
}

/// Whether a service answered at all, rather than something in its place.
pub fn is_grpc(response: &Response<Body>) -> bool {
    let content_type = response.headers().get(http::header::CONTENT_TYPE);
    let grpc = |value: &http::HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    response.status() == http::StatusCode::OK && content_type.is_some_and(grpc)
}

fn is_unavailable(response: &Response<Body>) -> bool {
    response.headers().get("grpc-status").is_some_and(|code| code.as_bytes() == b"14")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_harm_twice_is_only_repeated_where_nobody_has_seen_it() {
        let all = [Broken::Connect, Broken::Refused, Broken::Reset, Broken::Silent, Broken::Full];
        let repeated = |on, repeatable| all.map(|broken| may_repeat(broken, on, repeatable));
        assert_eq!(repeated(RetryOn::ALL, true), [true, true, true, true, false]);
        assert_eq!(repeated(RetryOn::ALL, false), [true, true, false, false, false]);
        assert_eq!(repeated(RetryOn::NEVER, true), [false; 5]);
    }
}
