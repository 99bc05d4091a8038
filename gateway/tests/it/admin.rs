//! The admin listener and the access log.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{Method, StatusCode};
use parkmesh_contracts::notification::v1::{ListNotificationsRequest, WatchNotificationsRequest};
use parkmesh_gateway::Config;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::{eventually, listener};
use serde_json::Value;

use crate::client::{Wire, framed, post};
use crate::replicas::{Mood, Replica};
use crate::settings::{Settings, cluster_yaml};
use crate::world::{LIST, WATCH, World, cluster};

const BINARY: &str = "application/grpc-web+proto";
const BOOKING: &str = "/parkmesh.booking.v1.BookingService/GetBooking";

async fn free_addr() -> SocketAddr {
    listener().await.local_addr().unwrap()
}

async fn ask(addr: SocketAddr, method: Method, path: &str, tasks: &Tasks) -> (StatusCode, String) {
    let mut request = post(path, &[], "");
    *request.method_mut() = method;
    let answer = Wire::http1(addr, tasks).await.ask(request).await;
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

pub async fn get(addr: SocketAddr, path: &str, tasks: &Tasks) -> String {
    let (status, text) = ask(addr, Method::GET, path, tasks).await;
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    text
}

fn list() -> Vec<u8> {
    framed(&ListNotificationsRequest::default())
}

async fn with_admin(change: impl FnOnce(&mut Config)) -> (World, SocketAddr) {
    let admin = free_addr().await;
    let world = World::with(|config| {
        config.admin = Some(admin);
        change(config);
    })
    .await;
    (world, admin)
}

#[tokio::test]
async fn every_page_tells_what_it_is_asked_for() {
    let (world, admin) = with_admin(|_| ()).await;
    world.http1().await.ask(post(LIST, &world.headers(BINARY), list())).await;
    let tasks = &world.tasks;
    assert_eq!(get(admin, "/ready", tasks).await, "LIVE\n");
    // A call is counted when its last byte has left, which its client may see first.
    let stats = eventually("the call is counted", || async {
        let stats = get(admin, "/stats?filter=o", tasks).await;
        stats.contains("NotificationService/.grpc.0: 1\n").then_some(stats)
    })
    .await;
    for line in ["cluster.notification.upstream_rq_total: 1\n", "gateway.downstream_rq_total: 1\n"]
    {
        assert!(stats.contains(line), "{line}: {stats}");
    }
    let filtered = get(admin, "/stats?filter=membership", tasks).await;
    assert!(filtered.lines().all(|line| line.contains("membership")), "{filtered}");
    let metrics = get(admin, "/stats/prometheus", tasks).await;
    for line in [
        "gateway_cluster_upstream_rq_total{cluster=\"notification\"} 1\n",
        "# TYPE gateway_cluster_membership_healthy gauge\n",
        "# TYPE gateway_route_duration_seconds histogram\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let clusters = get(admin, "/clusters", tasks).await;
    let replica = format!("notification::{}::", world.service.addr);
    for what in ["rq_total::1\n", "health_flags::healthy\n", "cx_active::1\n"] {
        assert!(clusters.contains(&format!("{replica}{what}")), "{what}: {clusters}");
    }
    let dump: Value = serde_json::from_str(&get(admin, "/config_dump", tasks).await).unwrap();
    assert_eq!(dump["clusters"][0]["name"], "notification");
    assert_eq!(dump["cors"]["origins"][0], crate::world::ORIGIN);
    let info: Value = serde_json::from_str(&get(admin, "/server_info", tasks).await).unwrap();
    assert_eq!(info["state"], "LIVE");
    assert!(get(admin, "/", tasks).await.contains("/drain_listeners"));
    assert_eq!(ask(admin, Method::GET, "/nothing", tasks).await.0, StatusCode::NOT_FOUND);
    for path in ["/drain_listeners", "/logging?level=info"] {
        let refused = ask(admin, Method::GET, path, tasks).await;
        assert_eq!(refused.0, StatusCode::METHOD_NOT_ALLOWED, "only POST changes something");
    }
    let wrong = ask(admin, Method::POST, "/logging?level=a=b=c", tasks).await;
    assert_eq!(wrong.0, StatusCode::BAD_REQUEST, "{}", wrong.1);
}

#[tokio::test]
async fn calls_and_streams_share_no_connection_to_a_replica() {
    let (world, admin) = with_admin(|_| ()).await;
    let mut wire = world.http1().await;
    let watch = || framed(&WatchNotificationsRequest { after_sequence: 1 });
    for (path, body, open) in
        [(LIST, list(), 1), (LIST, list(), 1), (WATCH, watch(), 2), (WATCH, watch(), 2)]
    {
        wire.ask(post(path, &world.headers(BINARY), body)).await;
        let clusters = get(admin, "/clusters", &world.tasks).await;
        let line = format!("notification::{}::cx_active::{open}\n", world.service.addr);
        assert!(clusters.contains(&line), "{path}: {clusters}");
    }
}

#[tokio::test]
async fn drained_listeners_take_nobody_in_and_say_so() {
    let (world, admin) = with_admin(|_| ()).await;
    let mut wire = world.http1().await;
    let answer = wire.ask(post(LIST, &world.headers(BINARY), list())).await;
    assert!(answer.headers.get("grpc-status").is_none());
    assert_eq!(ask(admin, Method::POST, "/drain_listeners", &world.tasks).await.1, "OK\n");
    let ready = ask(admin, Method::GET, "/ready", &world.tasks).await;
    assert_eq!(ready, (StatusCode::SERVICE_UNAVAILABLE, "DRAINING\n".to_owned()));
    eventually("nobody is taken in", || async {
        tokio::net::TcpStream::connect(world.gateway.addr).await.err()
    })
    .await;
}

#[tokio::test]
async fn sighup_takes_the_file_again() {
    let replica = Replica::new().await;
    let settings = Settings::new("sighup", &cluster_yaml(replica.addr));
    let (world, admin) = with_admin(|config| {
        let admin = config.admin;
        *config = settings.read(config.clone());
        config.admin = admin;
    })
    .await;
    let told = std::process::Command::new("kill")
        .args(["-HUP", &std::process::id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    eventually("the file was taken again", || async {
        let stats = get(admin, "/stats?filter=reload", &world.tasks).await;
        stats.contains("gateway.config.reload_success: 1\n").then_some(())
    })
    .await;
    settings.write("nonsense: 1\n");
    eventually("a bad file is counted", || async {
        let stats = get(admin, "/stats?filter=reload", &world.tasks).await;
        stats.contains("gateway.config.reload_rejected: 1\n").then_some(())
    })
    .await;
}

/// The log of a test's own.
struct Log(PathBuf);

impl Log {
    fn new(name: &str) -> Self {
        let name = format!("parkmesh-access-{name}-{}.log", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    async fn line(&self, at: usize) -> Value {
        eventually("the line is written", || async {
            let text = std::fs::read_to_string(&self.0).unwrap_or_default();
            let line = text.lines().nth(at).filter(|_| text.ends_with('\n'))?;
            Some(serde_json::from_str(line).unwrap())
        })
        .await
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[tokio::test]
async fn each_request_is_a_line_with_the_reason_of_its_end() {
    let log = Log::new("flags");
    let (slow, dead) = (Replica::new().await, free_addr().await);
    slow.set(Mood::Hung);
    let path = log.0.clone();
    let (notification, slow_addr) = (cluster("payment", &[dead]), slow.addr);
    let world = World::with(|config| {
        config.access_log = Some(path);
        config.clusters.push(notification);
        config.clusters.push(cluster("booking", &[slow_addr]));
    })
    .await;
    let mut wire = world.http1().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut headers = world.headers(BINARY);
    headers.push(("traceparent", trace));
    let payment = "/parkmesh.payment.v1.PaymentService/GetPayment";
    let none = "/made.up.Service/Path?secret=1";
    let hung = [&headers[..], &[("grpc-timeout", "300m")]].concat();
    let wrong = [("content-type", BINARY), ("authorization", "Bearer nonsense")];
    wire.ask(post(LIST, &headers, list())).await;
    wire.ask(post(none, &headers, list())).await;
    wire.ask(post(LIST, &wrong, list())).await;
    wire.ask(post(LIST, &headers, vec![1])).await;
    wire.ask(post(payment, &headers, vec![0; 5])).await;
    wire.ask(post(BOOKING, &hung, vec![0; 5])).await;
    let expected = [
        ("-", 0, LIST),
        ("NR", 12, "/made.up.Service/Path"),
        ("UAEX", 16, LIST),
        ("DPE", 3, LIST),
        ("UF,URX", 14, payment),
        ("UT", 4, BOOKING),
    ];
    for (at, (flags, status, path)) in expected.into_iter().enumerate() {
        let line = log.line(at).await;
        assert_eq!(line["response_flags"], flags, "{line}");
        assert_eq!((&line["grpc_status"], &line["path"]), (&status.into(), &path.into()), "{line}");
    }
    let first = log.line(0).await;
    assert_eq!(first["upstream_cluster"], "notification");
    assert_eq!(first["upstream_host"], world.service.addr.to_string());
    assert_eq!(first["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((&first["method"], &first["protocol"]), (&"POST".into(), &"HTTP/1.1".into()));
    assert!(first["bytes_sent"].as_u64().unwrap() > 0);
    // A stream that its client gives up.
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let stream = world.http1().await.send(post(WATCH, &world.headers(BINARY), body)).await;
    drop(stream);
    let line = log.line(expected.len()).await;
    assert_eq!((&line["response_flags"], &line["grpc_status"]), (&"DC".into(), &Value::Null));
    let until = Duration::from_secs(60).as_millis();
    assert!(u128::from(line["duration_ms"].as_u64().unwrap()) < until, "{line}");
}
