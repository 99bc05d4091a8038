//! Replicas that fail, and clients that do not notice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parkmesh_contracts::notification::v1::ListNotificationsRequest;
use parkmesh_gateway::{BreakerConfig, ClusterConfig, HealthCheckConfig, OutlierConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::eventually;
use tonic::{Code, Status};

use crate::client::{framed, post};
use crate::doubles::{Raw, raw};
use crate::replicas::{Mood, Replica, Tally};
use crate::world::{LIST, READINGS, World, cluster};

const BINARY: &str = "application/grpc-web+proto";
/// Clients that call at once.
const CROWD: usize = 8;

/// Everything is looked at often, so that a test is short.
pub fn quick(config: ClusterConfig) -> ClusterConfig {
    let health = HealthCheckConfig {
        interval: Duration::from_millis(100),
        unhealthy_interval: Duration::from_millis(100),
        timeout: Duration::from_millis(500),
        ..HealthCheckConfig::default()
    };
    ClusterConfig { health_check: Some(health), ..config }
}

async fn world(replicas: &[Replica], change: impl Fn(&mut ClusterConfig)) -> World {
    let addrs: Vec<_> = replicas.iter().map(|replica| replica.addr).collect();
    let mut config = quick(cluster("notification", &addrs));
    change(&mut config);
    World::with(|all| all.clusters = vec![config]).await
}

async fn three() -> [Replica; 3] {
    [Replica::new().await, Replica::new().await, Replica::new().await]
}

fn list() -> Vec<u8> {
    framed(&ListNotificationsRequest::default())
}

/// A crowd that reads until the world ends.
pub async fn crowd(world: &World) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    for _ in 0..CROWD {
        let (token, tally) = (world.token.clone(), Arc::clone(&tally));
        let mut wire = world.http1().await;
        world.tasks.spawn("crowd", async move {
            let headers = [("content-type", BINARY), ("authorization", token.as_str())];
            loop {
                let answer = wire.ask(post(LIST, &headers, list())).await;
                let counter = if answer.is_good() { &tally.good } else { &tally.bad };
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    tally
}

/// So many more good answers.
pub async fn more(tally: &Tally, count: u64) {
    let until = tally.good.load(Ordering::SeqCst) + count;
    eventually("the crowd goes on", || async {
        (tally.good.load(Ordering::SeqCst) >= until).then_some(())
    })
    .await;
}

/// Waits until nothing comes to a replica while the others answer many calls.
async fn left_alone(replica: &Replica, tally: &Tally) {
    eventually("the replica is left alone", || async {
        let before = replica.asked();
        more(tally, 200).await;
        (replica.asked() == before).then_some(())
    })
    .await;
}

async fn asked_again(replica: &Replica) {
    let before = replica.asked();
    eventually("the replica is asked again", || async {
        (replica.asked() > before + 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_is_killed_under_load_fails_no_read_and_comes_back() {
    let mut replicas = three().await;
    let world = world(&replicas, |_| ()).await;
    let tally = crowd(&world).await;
    more(&tally, 100).await;
    replicas[0].kill().await;
    more(&tally, 500).await;
    replicas[0].start_again().await;
    asked_again(&replicas[0]).await;
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_replica_that_hangs_under_load_fails_no_read_is_left_alone_and_comes_back() {
    let replicas = three().await;
    let world = world(&replicas, |_| ()).await;
    let tally = crowd(&world).await;
    more(&tally, 100).await;
    replicas[1].set(Mood::Hung);
    left_alone(&replicas[1], &tally).await;
    replicas[1].set(Mood::Good);
    asked_again(&replicas[1]).await;
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_replica_that_hangs_is_left_alone_also_where_nobody_asks_for_its_health() {
    let replicas = three().await;
    let world = world(&replicas, |config| {
        config.health_check = None;
        config.outlier_detection = Some(OutlierConfig {
            interval: Duration::from_millis(100),
            consecutive_gateway_failure: 3,
            base_ejection_time: Duration::from_secs(3),
            ..OutlierConfig::default()
        });
    })
    .await;
    let tally = crowd(&world).await;
    more(&tally, 100).await;
    replicas[1].set(Mood::Hung);
    left_alone(&replicas[1], &tally).await;
    replicas[1].set(Mood::Good);
    asked_again(&replicas[1]).await;
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_replica_that_is_slowed_under_load_is_left_alone_and_comes_back() {
    let replicas = three().await;
    let world = world(&replicas, |config| {
        config.outlier_detection = Some(OutlierConfig {
            interval: Duration::from_secs(1),
            base_ejection_time: Duration::from_secs(3),
            slow_host_minimum: Duration::from_millis(150),
            slow_host_request_volume: 2,
            ..OutlierConfig::default()
        });
    })
    .await;
    let tally = crowd(&world).await;
    more(&tally, 100).await;
    replicas[2].set(Mood::Slow(Duration::from_millis(300)));
    left_alone(&replicas[2], &tally).await;
    replicas[2].set(Mood::Good);
    asked_again(&replicas[2]).await;
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_read_whose_answer_breaks_off_or_that_a_stopping_replica_refuses_is_asked_of_another() {
    for mood in [Mood::CutsAnswers, Mood::Stopping] {
        let replicas = [Replica::new().await, Replica::new().await];
        // Nobody is ejected: each call meets the bad one half of the time.
        let world = world(&replicas, |config| config.outlier_detection = None).await;
        replicas[0].set(mood);
        let mut wire = world.http1().await;
        for _ in 0..20 {
            let answer = wire.ask(post(LIST, &world.headers(BINARY), list())).await;
            assert!(answer.headers.get("grpc-status").is_none(), "{mood:?}: {:?}", answer.headers);
        }
        assert!(replicas[0].asked() > 0, "{mood:?} was met");
        assert_eq!(replicas[1].asked(), 20, "{mood:?}");
    }
}

#[tokio::test]
async fn what_is_more_than_the_cluster_may_be_asked_is_refused_at_once_with_a_time() {
    let replicas = [Replica::new().await];
    replicas[0].set(Mood::Slow(Duration::from_secs(60)));
    let world = world(&replicas, |config| {
        config.circuit_breakers = BreakerConfig { max_requests: 1, ..BreakerConfig::default() };
    })
    .await;
    let mut first = world.http1().await;
    let (headers, request) = (world.headers(BINARY), list());
    let slow = first.ask(post(LIST, &headers, request.clone()));
    let refused = async {
        eventually("the first call is inside", || async {
            (replicas[0].asked() > 0).then_some(())
        })
        .await;
        let answer = world.http1().await.ask(post(LIST, &headers, request.clone())).await;
        replicas[0].set(Mood::Good);
        answer
    };
    let (slow, refused) = tokio::join!(slow, refused);
    assert!(slow.headers.get("grpc-status").is_none(), "the first call is answered");
    let status = Status::from_header_map(&refused.headers).unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(reason_of(&status).as_deref(), Some("SERVICE_FULL"));
    let details = tonic_types::StatusExt::get_details_retry_info(&status);
    assert!(details.is_some_and(|info| info.retry_delay.is_some()), "says when");
}

#[tokio::test]
async fn a_stream_that_could_not_be_sent_is_begun_at_another_replica() {
    let clock = Clock::system();
    let (addr, _) = raw(Raw::Echo, &Tasks::new(&clock)).await;
    let nobody = "127.0.0.1:1".parse().unwrap();
    let world = World::with(|config| {
        config
            .clusters
            .push(ClusterConfig { outlier_detection: None, ..cluster("sensor", &[nobody, addr]) });
    })
    .await;
    let device = format!("Bearer {}", world.tokens.device("sensor-1"));
    let headers = [("content-type", BINARY), ("authorization", device.as_str())];
    let mut wire = world.http2().await;
    for stream in 0..16 {
        let answer = wire.ask(post(READINGS, &headers, list())).await;
        assert!(answer.is_good(), "stream {stream}: {:?}", answer.headers);
    }
}

#[tokio::test]
async fn a_route_may_shorten_the_deadline_of_its_methods() {
    let replicas = [Replica::new().await];
    replicas[0].set(Mood::Hung);
    let addr = replicas[0].addr;
    let world = World::with(|config| {
        config.clusters = vec![cluster("notification", &[addr])];
        for route in &mut config.routes {
            route.timeout = Some(Duration::from_millis(200));
        }
    })
    .await;
    let started = tokio::time::Instant::now();
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), list())).await;
    assert_eq!(answer.header("grpc-status"), "4");
    let method = parkmesh_contracts::methods::find(LIST).unwrap();
    assert!(started.elapsed() < Duration::from_millis(u64::from(method.deadline_ms)));
}
