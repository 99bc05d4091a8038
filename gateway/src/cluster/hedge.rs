//! Hedging: an attempt that takes long is not given up but joined by another, and the first answer counts. Only
//! for calls that do no harm twice, and within the budget of repetitions, because it is one.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::Response;
use parkmesh_platform::serve::Deadline;
use tokio::time::timeout_at;
use tonic::body::Body;

use super::Cluster;
use super::attempt::{Attempted, Try};
use super::breakers::Place;
use super::host::Host;
use super::outlier::Outcome;

/// How an attempt ended, and where.
pub struct Ended {
    /// Whom it asked.
    pub host: Arc<Host>,
    /// Its place in the replica's load.
    pub load: Option<Place>,
    /// What came of it.
    pub outcome: Attempted,
    /// The place of a hedge in the budget, held as long as it runs.
    hedge: Option<Place>,
}

/// An attempt under way. Dropping it cancels it at the replica.
type Running<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;

/// Attempts of one call that run beside each other.
pub struct Race<'a> {
    cluster: &'a Cluster,
    running: FuturesUnordered<Running<'a>>,
    /// Who was asked last and may still become late.
    latest: Option<Arc<Host>>,
    /// Who takes long.
    late: Vec<Arc<Host>>,
}

impl Cluster {
    /// Sends one attempt to this replica.
    pub(super) async fn go(&self, host: Arc<Host>, asked: Try, hedge: Option<Place>) -> Ended {
        let load = host.in_flight.enter(usize::MAX);
        let outcome = self.attempt(&host, asked).await;
        Ended { host, load, outcome, hedge }
    }
}

impl<'a> Race<'a> {
    /// With this attempt.
    pub fn begin(cluster: &'a Cluster, host: Arc<Host>, asked: Try) -> Self {
        let mut race =
            Self { cluster, running: FuturesUnordered::new(), latest: None, late: Vec::new() };
        race.join(host, asked, None);
        race
    }

    fn join(&mut self, host: Arc<Host>, asked: Try, hedge: Option<Place>) {
        self.latest = Some(Arc::clone(&host));
        self.running.push(Box::pin(self.cluster.go(host, asked, hedge)));
    }

    /// Runs until somebody answers, or everybody has failed; then the last one counts. While `next` says whom
    /// to ask, another attempt joins each time that the latest has taken `after`.
    pub async fn run(
        mut self,
        after: Duration,
        mut next: impl FnMut() -> Option<(Arc<Host>, Try, Place)>,
    ) -> Option<Ended> {
        let mut due = Deadline::after(after).at;
        loop {
            let Ok(ended) = timeout_at(due, self.running.next()).await else {
                self.late();
                if let Some((host, asked, hedge)) = next() {
                    self.cluster.stats.rq_retry.add();
                    self.cluster.stats.rq_hedge.add();
                    self.join(host, asked, Some(hedge));
                }
                due = Deadline::after(after).at;
                continue;
            };
            let ended = ended?;
            self.late.retain(|host| !Arc::ptr_eq(host, &ended.host));
            if self.running.is_empty() || is_answer(&ended.outcome) {
                self.over(&ended);
                return Some(ended);
            }
        }
    }

    /// The latest attempt takes longer than it should.
    fn late(&mut self) {
        let Some(host) = self.latest.take() else { return };
        self.cluster.stats.rq_per_try_timeout.add();
        host.stats.rq_timeout.add();
        self.late.push(host);
    }

    fn over(&self, ended: &Ended) {
        let stats = &self.cluster.stats;
        if ended.hedge.is_some() && ended.outcome.is_ok() {
            stats.rq_retry_success.add();
            stats.rq_hedge_success.add();
        }
        for _cancelled in &self.running {
            stats.rq_hedge_cancelled.add();
        }
        // Whom another has overtaken is never heard to the end: nothing else would tell of one that hangs.
        // Where everybody takes long the first is the first to answer, and nothing is held against it.
        for host in &self.late {
            self.cluster.report(host, Outcome::Away);
        }
    }
}

/// Whether it ends the race: what broke, or a replica that stops, is waited out while somebody else is asked.
fn is_answer(outcome: &Attempted) -> bool {
    outcome.as_ref().is_ok_and(|(response, _)| !is_unavailable(response))
}

/// Whether a replica says that it stops, or is overloaded.
pub fn is_unavailable(response: &Response<Body>) -> bool {
    response.headers().get("grpc-status").is_some_and(|code| code.as_bytes() == b"14")
}
