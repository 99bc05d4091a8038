//! Clients that ask too often.

use std::time::Duration;

use parkmesh_contracts::notification::v1::ListNotificationsRequest;
use parkmesh_gateway::RateLimitConfig;
use parkmesh_platform::fault::reason_of;
use tonic::{Code, Status};

use crate::client::{Answer, Wire, framed, post};
use crate::world::{LIST, World, gateway, to};

const BINARY: &str = "application/grpc-web+proto";

async fn list(wire: &mut Wire, token: &str) -> Answer {
    let headers = [("content-type", BINARY), ("authorization", token)];
    wire.ask(post(LIST, &headers, framed(&ListNotificationsRequest::default()))).await
}

fn rule(per_method: bool) -> RateLimitConfig {
    RateLimitConfig {
        prefix: "/parkmesh.notification.".to_owned(),
        per_method,
        shared: false,
        max_tokens: 3,
        tokens_per_fill: 1,
        fill_interval: Duration::from_secs(3_600),
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_others_are_not_disturbed() {
    let world = World::with(|config| config.rate_limits = vec![rule(false)]).await;
    let ben = format!("Bearer {}", world.tokens.driver("ben"));
    let mut wire = world.http2().await;
    for _ in 0..3 {
        let answer = list(&mut wire, &world.token).await;
        assert!(answer.headers.get("grpc-status").is_none(), "{:?}", answer.headers);
    }
    let refused = list(&mut wire, &world.token).await;
    let status = Status::from_header_map(&refused.headers).unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason_of(&status).as_deref(), Some("RATE_LIMITED"));
    let wait = tonic_types::StatusExt::get_details_retry_info(&status).unwrap().retry_delay;
    assert!(wait.is_some_and(|wait| wait > Duration::from_secs(3_000)), "{wait:?}");
    assert!(list(&mut wire, &ben).await.headers.get("grpc-status").is_none());
    assert_eq!(world.seen.calls.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[tokio::test]
async fn who_tries_tokens_out_is_counted_by_address() {
    let world = World::with(|config| config.rate_limits = vec![rule(true)]).await;
    let mut wire = world.http1().await;
    let mut codes = Vec::new();
    for number in 0..5 {
        let answer = list(&mut wire, &format!("Bearer guess-{number}")).await;
        codes.push(answer.header("grpc-status").to_owned());
    }
    assert_eq!(codes, ["16", "16", "16", "8", "8"]);
    let good = list(&mut wire, &world.token).await;
    assert!(good.headers.get("grpc-status").is_none(), "a good token has a bucket of its own");
}

#[tokio::test]
async fn gateways_count_together_and_each_for_itself_while_redis_is_away() {
    // Nothing listens at this port.
    let away = format!("redis://{}", parkmesh_testkit::listener().await.local_addr().unwrap());
    for (url, allowed) in [(parkmesh_testkit::redis_url(), 3), (away, 6)] {
        let world = World::new().await;
        let mut gateways = Vec::new();
        for _ in 0..2 {
            let mut config = to("notification", world.service.addr);
            config.rate_limits = vec![RateLimitConfig { shared: true, ..rule(false) }];
            config.redis = Some(parkmesh_platform::redis::RedisConfig::of(url.clone()));
            gateways.push(gateway(config, &world.clock, &world.ids, &world.verifier).await);
        }
        // Somebody new, or an earlier run would count.
        let subject = world.ids.next::<uuid::Uuid>().to_string();
        let token = format!("Bearer {}", world.tokens.driver(&subject));
        let mut good = 0;
        for at in 0..10 {
            let mut wire = Wire::http1(gateways[at % 2].addr, &world.tasks).await;
            good += usize::from(list(&mut wire, &token).await.headers.get("grpc-status").is_none());
        }
        assert_eq!(good, allowed, "{url}");
    }
}
