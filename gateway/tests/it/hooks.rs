//! What outside systems post, by prefix to the role that owns it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use parkmesh_platform::serve::{Hooks, ServeConfig, Server};
use parkmesh_testkit::listener;

use crate::client::{Out, post};
use crate::world::{World, cluster};

/// Tells what it was given.
struct Told;

impl Hooks for Told {
    fn take(&self, request: Parts, body: Bytes) -> BoxFuture<'static, Response<Bytes>> {
        let header = |name: &str| {
            let value = request.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or("none").to_owned()
        };
        let path = request.uri.path();
        let (signed, token) = (header("stripe-signature"), header("authorization"));
        let told = format!("{path} {signed} {token} {}", String::from_utf8_lossy(&body));
        async move { Response::new(told.into()) }.boxed()
    }
}

async fn world() -> (World, parkmesh_platform::serve::Running) {
    let first = World::new().await;
    let config = ServeConfig { drain: std::time::Duration::ZERO, ..ServeConfig::default() };
    let server = Server::new("payment", config, &first.ids, &first.verifier);
    let payment = server.hooks("/webhooks/", Arc::new(Told)).start(listener().await).await.unwrap();
    payment.ready().await;
    let addr = payment.addr;
    (World::with(|config| config.clusters.push(cluster("payment", &[addr]))).await, payment)
}

fn posted(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Out> {
    let headers = [&[("content-type", "application/json")], headers].concat();
    post("/webhooks/provider", &headers, body)
}

#[tokio::test]
async fn what_is_posted_reaches_its_owner_whole_with_its_signature_and_nothing_else() {
    let (world, _payment) = world().await;
    let headers = [("stripe-signature", "t=1,v1=00"), ("authorization", "Bearer secret")];
    for mut wire in [world.http1().await, world.http2().await] {
        let answer = wire.ask(posted(&headers, "{\"id\": 1}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, "/webhooks/provider t=1,v1=00 none {\"id\": 1}");
    }
}

#[tokio::test]
async fn what_is_too_long_or_no_post_is_refused_and_without_an_owner_it_is_to_come_again() {
    let (world, payment) = world().await;
    let mut wire = world.http1().await;
    assert_eq!(wire.ask(posted(&[], vec![b'x'; 256 * 1024])).await.status, 200);
    assert_eq!(world.http1().await.ask(posted(&[], vec![b'x'; 256 * 1024 + 1])).await.status, 413);
    let read = Request::builder().method(Method::GET).uri("/webhooks/provider");
    let read = read.header("host", "gateway").body(Full::new(Bytes::new()).boxed()).unwrap();
    assert_eq!(world.http1().await.ask(read).await.status, 405);
    payment.stop().await;
    let answer = world.http1().await.ask(posted(&[], "{}")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
}
