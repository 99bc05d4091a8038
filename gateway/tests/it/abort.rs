//! Clients that go away.

use std::sync::atomic::Ordering;

use http_body_util::BodyExt;
use parkmesh_contracts::notification::v1::{ListNotificationsRequest, WatchNotificationsRequest};
use parkmesh_testkit::eventually;

use crate::client::{Wire, framed, post};
use crate::world::{LIST, WATCH, World};

const BINARY: &str = "application/grpc-web+proto";

async fn dropped(world: &World) {
    eventually("the call inside is cancelled", || async {
        (world.seen.dropped.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
}

async fn abort_a_stream(world: &World, mut wire: Wire) {
    let body = framed(&WatchNotificationsRequest { after_sequence: 1_000 });
    let mut response = wire.send(post(WATCH, &world.headers(BINARY), body)).await;
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert!(first.is_data());
    assert_eq!(world.seen.dropped.load(Ordering::SeqCst), 0);
    drop(response);
    drop(wire);
    dropped(world).await;
}

#[tokio::test]
async fn a_stream_aborted_over_http_1_is_cancelled_inside() {
    let world = World::new().await;
    abort_a_stream(&world, world.http1().await).await;
}

#[tokio::test]
async fn a_stream_aborted_over_http_2_is_cancelled_inside() {
    let world = World::new().await;
    abort_a_stream(&world, world.http2().await).await;
}

#[tokio::test]
async fn a_call_given_up_before_its_answer_is_cancelled_inside() {
    for version in [1, 2] {
        let world = World::new().await;
        let mut wire = if version == 1 { world.http1().await } else { world.http2().await };
        let request = ListNotificationsRequest { page_token: "slow".into(), ..Default::default() };
        let headers = world.headers(BINARY);
        {
            let mut asked = Box::pin(wire.send(post(LIST, &headers, framed(&request))));
            eventually("the call is inside", || {
                let polled = futures_util::FutureExt::now_or_never(&mut asked);
                assert!(polled.is_none(), "it never answers");
                let inside = world.seen.calls.load(Ordering::SeqCst) > 0;
                async move { inside.then_some(()) }
            })
            .await;
        }
        drop(wire);
        // Well before the method's own deadline of 2 s.
        let soon = std::time::Duration::from_secs(1);
        tokio::time::timeout(soon, dropped(&world)).await.expect("cancelled by the abort");
    }
}
