//! Attempts that take long, and others beside them.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt;
use parkmesh_contracts::notification::v1::{ListNotificationsRequest, WatchNotificationsRequest};
use parkmesh_gateway::{BreakerConfig, OutlierConfig, RetryBudget, RetryOn, RetryPolicy};
use parkmesh_testkit::{eventually, listener};

use crate::admin::get;
use crate::client::{Answer, framed, post};
use crate::replicas::{Mood, Replica};
use crate::world::{LIST, WATCH, World, cluster};

const BINARY: &str = "application/grpc-web+proto";
const LATE: Duration = Duration::from_millis(50);

/// Another attempt after 50 ms, whatever else may be repeated.
fn hedged() -> RetryPolicy {
    RetryPolicy {
        retry_on: RetryOn::NEVER,
        per_try_timeout: Some(LATE),
        hedge_on_per_try_timeout: true,
        ..RetryPolicy::default()
    }
}

/// One more attempt and no other, however long a machine takes for it.
fn hedged_once() -> RetryPolicy {
    RetryPolicy { num_retries: 1, ..hedged() }
}

struct Hedging {
    world: World,
    admin: SocketAddr,
}

impl Hedging {
    async fn new(replicas: &[&Replica], retry: RetryPolicy, breakers: BreakerConfig) -> Self {
        let addrs: Vec<_> = replicas.iter().map(|replica| replica.addr).collect();
        let admin = listener().await.local_addr().unwrap();
        let mut config = cluster("notification", &addrs);
        config.circuit_breakers = breakers;
        config.health_check = None;
        config.outlier_detection = Some(OutlierConfig {
            consecutive_gateway_failure: 3,
            slow_host_factor: 0.0,
            ..OutlierConfig::default()
        });
        let world = World::with(|all| {
            all.admin = Some(admin);
            all.clusters = vec![config];
            for route in &mut all.routes {
                route.retry = retry.clone();
            }
        })
        .await;
        Self { world, admin }
    }

    async fn list(&self) -> Answer {
        let body = framed(&ListNotificationsRequest::default());
        self.world.http1().await.ask(post(LIST, &self.world.headers(BINARY), body)).await
    }

    /// A count of the cluster.
    async fn count(&self, name: &str) -> u64 {
        let name = format!("cluster.notification.{name}: ");
        let stats = get(self.admin, "/stats", &self.world.tasks).await;
        let line = stats.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("{name}{stats}")).parse().unwrap()
    }

    async fn counts(&self) -> [u64; 4] {
        [
            self.count("upstream_rq_total").await,
            self.count("upstream_rq_hedge").await,
            self.count("upstream_rq_hedge_success").await,
            self.count("upstream_rq_hedge_cancelled").await,
        ]
    }
}

async fn is_cancelled(replica: &Replica, calls: usize) {
    eventually("the call is cancelled", || async { (replica.cancelled() == calls).then_some(()) })
        .await;
}

#[tokio::test]
async fn a_replica_that_is_slow_once_is_joined_by_another_attempt_and_its_call_is_cancelled() {
    let replica = Replica::new().await;
    replica.set(Mood::HungAtFirst(1));
    let hedging = Hedging::new(&[&replica], hedged_once(), BreakerConfig::default()).await;
    assert!(hedging.list().await.is_good());
    is_cancelled(&replica, 1).await;
    assert_eq!(replica.asked(), 2);
    assert_eq!(hedging.counts().await, [2, 1, 1, 1]);
    assert_eq!(hedging.count("upstream_rq_retry").await, 1, "a hedge is a repetition");
    assert_eq!(hedging.count("upstream_rq_per_try_timeout").await, 1);
}

#[tokio::test]
async fn the_first_attempt_goes_on_and_may_yet_be_the_first_to_answer() {
    let replica = Replica::new().await;
    replica.set(Mood::FirstIsLate);
    let hedging = Hedging::new(&[&replica], hedged_once(), BreakerConfig::default()).await;
    let joined = async {
        eventually("the hedge", || async { (replica.asked() == 2).then_some(()) }).await;
        replica.set(Mood::Good);
    };
    let (answer, ()) = tokio::join!(hedging.list(), joined);
    assert!(answer.is_good());
    is_cancelled(&replica, 1).await;
    assert_eq!(hedging.counts().await, [2, 1, 0, 1]);
}

#[tokio::test]
async fn what_breaks_beside_an_attempt_that_still_runs_is_not_told() {
    let replicas = [Replica::new().await, Replica::new().await];
    let both = replicas.each_ref();
    for mood in [Mood::Stopping, Mood::CutsAnswers] {
        let hedging = Hedging::new(&both, hedged(), BreakerConfig::default()).await;
        for replica in both {
            replica.set(Mood::Slow(Duration::from_secs(60)));
        }
        let before = both.map(Replica::asked);
        let answered = async {
            let asked = |index: usize| both[index].asked() > before[index];
            let first =
                eventually("the first attempt", || async { (0..2).find(|index| asked(*index)) });
            let first = first.await;
            // Before the hedge comes, so that it meets it.
            both[1 - first].set(mood);
            eventually("the hedge", || async { asked(1 - first).then_some(()) }).await;
            both[first].set(Mood::Good);
        };
        let (answer, ()) = tokio::join!(hedging.list(), answered);
        assert!(answer.is_good(), "{mood:?}: {:?}", answer.headers);
    }
}

#[tokio::test]
async fn no_more_attempts_are_made_than_the_policy_says_and_none_beyond_the_budget() {
    let replica = Replica::new().await;
    replica.set(Mood::HungAtFirst(3));
    let hedging = Hedging::new(&[&replica], hedged(), BreakerConfig::default()).await;
    // A fourth attempt would be answered; the deadline ends the three.
    assert_eq!(hedging.list().await.header("grpc-status"), "4");
    let asked = replica.asked();
    assert!(asked <= 3, "{asked}");
    is_cancelled(&replica, asked).await;
    let third = Replica::new().await;
    third.set(Mood::HungAtFirst(2));
    let hedging = Hedging::new(&[&third], hedged(), BreakerConfig::default()).await;
    assert!(hedging.list().await.is_good());
    assert_eq!((third.asked(), hedging.counts().await), (3, [3, 2, 1, 2]));
    let tight = Replica::new().await;
    tight.set(Mood::HungAtFirst(2));
    let breakers = BreakerConfig {
        retry_budget: Some(RetryBudget { budget_percent: 0, min_retry_concurrency: 0 }),
        ..BreakerConfig::default()
    };
    let hedging = Hedging::new(&[&tight], hedged(), breakers).await;
    assert_eq!(hedging.list().await.header("grpc-status"), "4");
    assert_eq!((tight.asked(), hedging.counts().await[1]), (1, 0));
    assert!(hedging.count("upstream_rq_retry_overflow").await > 0);
}

#[tokio::test]
async fn hedging_is_off_by_itself_and_never_for_streams() {
    let replica = Replica::new().await;
    replica.set(Mood::HungAtFirst(1));
    let retry = RetryPolicy { hedge_on_per_try_timeout: false, ..hedged() };
    let hedging = Hedging::new(&[&replica], retry, BreakerConfig::default()).await;
    assert_eq!(hedging.list().await.header("grpc-status"), "4");
    assert_eq!((replica.asked(), hedging.counts().await[1]), (1, 0));
    let slow = Replica::new().await;
    slow.set(Mood::Slow(LATE * 6));
    let hedging = Hedging::new(&[&slow], hedged(), BreakerConfig::default()).await;
    let body = framed(&WatchNotificationsRequest::default());
    let mut wire = hedging.world.http1().await;
    let answer = wire.send(post(WATCH, &hedging.world.headers(BINARY), body)).await;
    answer.into_body().collect().await.unwrap();
    assert_eq!((slow.asked(), hedging.counts().await[1]), (1, 0));
}

#[tokio::test]
async fn a_replica_that_others_overtake_again_and_again_is_left_alone() {
    let replicas = [Replica::new().await, Replica::new().await];
    replicas[0].set(Mood::Hung);
    let both = replicas.each_ref();
    let hedging = Hedging::new(&both, hedged(), BreakerConfig::default()).await;
    let mut calls = 0;
    while hedging.count("outlier_detection.ejections_enforced_total").await == 0 {
        assert!(hedging.list().await.is_good());
        calls += 1;
        assert!(calls < 1_000, "it is never left alone");
    }
    let asked = replicas[0].asked();
    for _ in 0..10 {
        assert!(hedging.list().await.is_good());
    }
    assert_eq!(replicas[0].asked(), asked);
}
