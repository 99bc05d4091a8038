//! One call's way to a replica, and to another one where the first does not answer.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response};
use parkmesh_contracts::methods::Method;
use parkmesh_platform::serve::{Deadline, GRPC_TIMEOUT};
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::body::Body;

use super::attempt::{Broken, Try, Unanswered};
use super::breakers::Place;
use super::hedge::{Ended, Race, is_unavailable};
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
    /// The client's body broke.
    Request,
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
        let Some(request) = self.breakers.request(ask.method.criticality) else {
            self.stats.rq_pending_overflow.add();
            let failed = Failed::Full;
            return Err(NoAnswer { failed, attempts: 0, retries_spent: false });
        };
        let calling =
            Calling { cluster: self, ask, body, tried: Vec::new(), attempts: 0, retry: None };
        calling.run(request).await
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
    attempts: u32,
    /// The place of a repetition.
    retry: Option<Place>,
}

impl Calling<'_> {
    async fn run(mut self, request: Place) -> Result<Answered, NoAnswer> {
        let cluster = self.cluster;
        loop {
            let Some((host, asked)) = self.next() else {
                return Err(self.no_answer(Failed::NoHost));
            };
            let ended = match self.hedges_after() {
                // In a box: most calls never race, and theirs stay small.
                Some(after) => Box::pin(self.race(host, asked, after)).await,
                None => Some(cluster.go(host, asked, None).await),
            };
            let Some(Ended { host, load, outcome, .. }) = ended else {
                return Err(self.no_answer(Failed::NoHost));
            };
            let outcome = outcome.map_err(|unanswered| self.take_back(unanswered));
            if self.retry.is_some() && outcome.is_ok() {
                cluster.stats.rq_retry_success.add();
            }
            if self.may_follow(&outcome) && self.is_allowed() {
                if !cluster.members.has_untried(&self.tried) {
                    pause(cluster, self.ask.policy, self.attempts).await;
                }
                continue;
            }
            return match (outcome, load) {
                (Ok((response, stream)), Some(load)) => {
                    let (cluster, attempts) = (Arc::clone(cluster), self.attempts);
                    let _places = [request, load, stream];
                    Ok((response, Chosen { cluster, host, attempts, _places }))
                }
                (Err(broken), _) => Err(self.no_answer(self.failed(broken))),
                (Ok(_), None) => Err(self.no_answer(Failed::Full)),
            };
        }
    }

    /// Whom to ask next, and what.
    fn next(&mut self) -> Option<(Arc<Host>, Try)> {
        self.attempts += 1;
        let host = self.cluster.members.choose(&self.cluster.ids, &self.tried)?;
        self.tried.push(Arc::clone(&host));
        let asked = self.asked(&host, self.until());
        Some((host, asked))
    }

    /// What was not sent is there for the next attempt.
    fn take_back(&mut self, unanswered: Unanswered) -> Broken {
        if let Some(body) = unanswered.unsent {
            self.body.give_back(body);
        }
        unanswered.broken
    }

    /// An attempt that others may join.
    async fn race(&mut self, host: Arc<Host>, asked: Try, after: Duration) -> Option<Ended> {
        let race = Race::begin(self.cluster, host, asked);
        let hedge = || {
            if self.attempts > self.ask.policy.num_retries {
                return None;
            }
            let Some(place) = self.cluster.breakers.retry() else {
                self.cluster.stats.rq_retry_overflow.add();
                return None;
            };
            self.next().map(|(host, asked)| (host, asked, place))
        };
        race.run(after, hedge).await
    }

    fn no_answer(&self, failed: Failed) -> NoAnswer {
        let attempts = self.attempts;
        let retries_spent = attempts > 1 && attempts > self.ask.policy.num_retries;
        NoAnswer { failed, attempts, retries_spent }
    }

    fn failed(&self, broken: Broken) -> Failed {
        match broken {
            Broken::Connect => Failed::Connect,
            Broken::Refused | Broken::Reset => Failed::Reset,
            Broken::Request => Failed::Request,
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
        let streams = self.ask.method.server_streaming;
        let read = !streams && self.repeatable() && self.body.is_whole();
        Try { request, until, read, streams }
    }

    /// Whether a silent attempt can be followed, or joined, by another.
    fn can_follow(&self) -> bool {
        self.attempts <= self.ask.policy.num_retries
            && self.body.is_whole()
            && self.repeatable()
            && !self.ask.method.server_streaming
    }

    /// After how long another attempt joins this one, where the route hedges.
    fn hedges_after(&self) -> Option<Duration> {
        let policy = self.ask.policy;
        let hedges = policy.hedge_on_per_try_timeout && self.can_follow();
        policy.per_try_timeout.filter(|_| hedges)
    }

    /// Until when this attempt waits: while another can follow, half of what is left; while another can join
    /// it, to the end.
    fn until(&self) -> Option<Instant> {
        let deadline = self.ask.deadline;
        let end = deadline.map(|deadline| deadline.at);
        let policy = self.ask.policy;
        let can_follow = self.can_follow()
            && policy.retry_on.deadline_exceeded
            && !policy.hedge_on_per_try_timeout;
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
    fn may_follow(&self, outcome: &Result<(Response<Body>, Place), Broken>) -> bool {
        let on = self.ask.policy.retry_on;
        if !self.body.is_here() || self.ask.deadline.is_some_and(|end| end.remaining().is_zero()) {
            return false;
        }
        let wanted = match outcome {
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
        let left = self.attempts <= self.ask.policy.num_retries;
        if wanted && !left {
            self.cluster.stats.rq_retry_limit_exceeded.add();
        }
        wanted && left
    }

    fn is_allowed(&mut self) -> bool {
        if self.retry.is_none() {
            self.retry = self.cluster.breakers.retry();
        }
        if self.retry.is_none() {
            self.cluster.stats.rq_retry_overflow.add();
            return false;
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
        Broken::Full | Broken::Request => false,
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

#[cfg(test)]
mod tests {
    use parkmesh_contracts::methods::{Idempotency, METHODS};
    use parkmesh_platform::ids::Ids;

    use super::super::ClusterConfig;
    use super::*;

    #[test]
    fn what_does_harm_twice_is_only_repeated_where_nobody_has_seen_it() {
        let all = [Broken::Connect, Broken::Refused, Broken::Reset, Broken::Silent, Broken::Full];
        let repeated = |on, repeatable| all.map(|broken| may_repeat(broken, on, repeatable));
        assert_eq!(repeated(RetryOn::ALL, true), [true, true, true, true, false]);
        assert_eq!(repeated(RetryOn::ALL, false), [true, true, false, false, false]);
        assert_eq!(repeated(RetryOn::NEVER, true), [false; 5]);
    }

    #[tokio::test]
    async fn only_what_does_no_harm_twice_and_can_be_sent_again_is_hedged() {
        let clock = parkmesh_platform::clock::Clock::system();
        let tasks = parkmesh_platform::tasks::Tasks::new(&clock);
        let config = ClusterConfig::new("test", Vec::new());
        let cluster = Cluster::start(config, &Ids::random(), &tasks).await.expect("no files");
        let policy = RetryPolicy {
            per_try_timeout: Some(TRY_MIN),
            hedge_on_per_try_timeout: true,
            ..RetryPolicy::default()
        };
        let hedged = |policy: &RetryPolicy, method: &Method, body: Outgoing, attempts: u32| {
            let method = Box::leak(Box::new(*method));
            let ask = Ask { method, headers: &HeaderMap::new(), deadline: None, policy };
            let cluster = &cluster;
            let calling = Calling { cluster, ask, body, tried: Vec::new(), attempts, retry: None };
            calling.hedges_after()
        };
        let whole = || Outgoing::Whole(bytes::Bytes::new());
        let stream = || Outgoing::Stream(Some(Body::empty()));
        let unary = METHODS.iter().find(|method| !method.server_streaming).expect("unary");
        let harmful = Method { idempotency: Idempotency::NotIdempotent, ..*unary };
        let streaming = Method { server_streaming: true, ..*unary };
        let unhedged = RetryPolicy { hedge_on_per_try_timeout: false, ..policy.clone() };
        assert_eq!(hedged(&policy, unary, whole(), 1), Some(TRY_MIN));
        assert_eq!(hedged(&policy, unary, whole(), 1 + policy.num_retries), None, "the last");
        assert_eq!(hedged(&policy, unary, stream(), 1), None);
        assert_eq!(hedged(&policy, &harmful, whole(), 1), None);
        assert_eq!(hedged(&policy, &streaming, whole(), 1), None);
        assert_eq!(hedged(&unhedged, unary, whole(), 1), None);
    }
}
