//! Browsers of other origins.

use http::Method;
use parkmesh_contracts::notification::v1::ListNotificationsRequest;

use crate::client::{Answer, framed, post};
use crate::world::{LIST, ORIGIN, World};

const BINARY: &str = "application/grpc-web+proto";

async fn preflight(world: &World, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-grpc-web,authorization"),
    ];
    let mut request = post(LIST, &headers, "");
    *request.method_mut() = Method::OPTIONS;
    world.http1().await.ask(request).await
}

#[tokio::test]
async fn a_preflight_of_a_known_origin_is_answered() {
    let world = World::new().await;
    let answer = preflight(&world, ORIGIN).await;
    assert_eq!(answer.status.as_u16(), 204);
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("vary"), "Origin");
    let allowed = answer.header("access-control-allow-headers");
    for name in [
        "content-type",
        "x-grpc-web",
        "x-user-agent",
        "authorization",
        "grpc-timeout",
        "traceparent",
    ] {
        assert!(allowed.split(", ").any(|one| one == name), "{name} in {allowed}");
    }
}

#[tokio::test]
async fn a_page_may_send_and_read_what_the_settings_name_beside() {
    let world = World::with(|config| {
        config.cors.allow = vec!["x-lot".to_owned(), "no header".to_owned()];
        config.cors.expose = vec!["x-floor".to_owned()];
    })
    .await;
    let answer = preflight(&world, ORIGIN).await;
    let allowed = answer.header("access-control-allow-headers");
    assert!(allowed.starts_with("content-type, ") && allowed.ends_with(", x-lot"), "{allowed}");
    assert!(answer.header("access-control-expose-headers").ends_with(", x-floor"));
}

#[tokio::test]
async fn who_names_two_origins_is_none_of_our_pages() {
    let world = World::new().await;
    let mut headers = world.headers("application/grpc-web+proto");
    headers.extend([("origin", ORIGIN), ("origin", "null")]);
    let answer = world.http1().await.ask(post(LIST, &headers, b"\0\0\0\0\0".to_vec())).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn an_origin_must_match_exactly() {
    let world = World::new().await;
    for origin in ["https://app.example.evil", "http://app.example", "https://APP.example", "null"]
    {
        let answer = preflight(&world, origin).await;
        assert_eq!(answer.status.as_u16(), 403, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("vary"), "Origin");
    }
}

#[tokio::test]
async fn a_page_may_read_answers_and_refusals() {
    let world = World::new().await;
    let mut wire = world.http1().await;
    for (token, status) in [(world.token.as_str(), ""), ("Bearer nonsense", "16")] {
        let headers = [("content-type", BINARY), ("authorization", token), ("origin", ORIGIN)];
        let body = framed(&ListNotificationsRequest::default());
        let answer = wire.ask(post(LIST, &headers, body)).await;
        assert_eq!(answer.header("grpc-status"), status);
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(answer.header("vary"), "Origin");
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "grpc-status, grpc-message, grpc-status-details-bin"
        );
    }
}

#[tokio::test]
async fn without_an_origin_nothing_is_allowed_but_caches_are_warned() {
    let world = World::new().await;
    let body = framed(&ListNotificationsRequest::default());
    let answer = world.http1().await.ask(post(LIST, &world.headers(BINARY), body)).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("vary"), "Origin");
}
