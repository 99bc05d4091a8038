//! REST at the gateway, before a service that knows nothing of it.

use std::io::Read;
use std::sync::atomic::Ordering;

use flate2::read::GzDecoder;
use http::Method;
use http_body_util::BodyExt;
use parkmesh_testkit::{eventually, python_with};
use serde_json::{Value, json};

use crate::client::{Answer, post};
use crate::doubles::Raw;
use crate::world::{ORIGIN, World};

async fn ask(
    world: &World,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut headers = headers.to_vec();
    headers.push(("authorization", &world.token));
    let mut request = post(path, &headers, body.to_owned());
    *request.method_mut() = method;
    world.http1().await.ask(request).await
}

async fn get(world: &World, path: &str) -> Answer {
    ask(world, Method::GET, path, &[], "").await
}

fn told(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn a_query_becomes_a_call_and_its_answer_json() {
    let world = World::new().await;
    let answer = get(&world, "/v1/notifications?page_size=3&unreadOnly=true").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.headers.get("grpc-status").is_none());
    assert!(told(&answer).is_object(), "{answer:?}");
}

#[tokio::test]
async fn a_body_becomes_a_call() {
    let world = World::new().await;
    let json = [("content-type", "application/json; charset=utf-8")];
    let body = r#"{"notificationIds": ["0190a8c0-0000-7000-8000-000000000001"]}"#;
    let answer = ask(&world, Method::POST, "/v1/notifications:markRead", &json, body).await;
    assert_eq!(
        (answer.status.as_u16(), told(&answer)),
        (200, json!({ "marked": 1 })),
        "{answer:?}"
    );
    let wrong = [
        ("/v1/notifications:markRead", &json[..], r#"{"ids": []}"#, "ids"),
        ("/v1/notifications:markRead", &json[..], "[]", "JSON"),
        ("/v1/notifications:markRead?page=1", &json[..], "{}", "query"),
        ("/v1/notifications:markRead", &[("content-type", "text/plain")][..], "{}", "content-type"),
        (
            "/v1/notifications:markRead",
            &[("content-type", "application/json"), ("content-encoding", "gzip")][..],
            "{}",
            "content-type",
        ),
    ];
    for (path, headers, body, what) in wrong {
        let answer = ask(&world, Method::POST, path, headers, body).await;
        let told = told(&answer);
        assert_eq!((answer.status.as_u16(), told["code"].as_i64()), (400, Some(3)), "{body}");
        assert_eq!(told["details"][0]["reason"], "JSON_INVALID");
        assert!(told["message"].as_str().unwrap().contains(what), "{told}");
    }
}

#[tokio::test]
async fn a_stream_is_a_line_for_each_message_and_one_for_its_error() {
    let world = World::new().await;
    let answer = get(&world, "/v1/notifications:watch?after_sequence=7").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/x-ndjson")
    );
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() > 0, "{text}");
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line.get("result").is_some() || line.get("error").is_some(), "{line}");
    }
}

#[tokio::test]
async fn a_stream_that_the_service_cuts_ends_with_a_line_that_says_so() {
    let world = World::raw(Raw::CutInAMessage).await;
    let answer = get(&world, "/v1/notifications:watch").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0], json!({ "result": {} }));
    assert_eq!(lines[1]["error"]["code"], 14);
    assert_eq!(lines[1]["error"]["details"][0]["reason"], "SERVICE_BROKE_OFF");
}

#[tokio::test]
async fn a_stream_given_up_is_cancelled_inside() {
    for version in [1, 2] {
        let world = World::new().await;
        let mut wire = if version == 1 { world.http1().await } else { world.http2().await };
        // The double's streams from here on stay open.
        let path = "/v1/notifications:watch?after_sequence=1000";
        let mut request = post(path, &[("authorization", &world.token)], "");
        *request.method_mut() = Method::GET;
        let mut response = wire.send(request).await;
        let first = response.body_mut().frame().await.unwrap().unwrap();
        assert!(first.into_data().unwrap().starts_with(b"{\"result\":"));
        drop(response);
        drop(wire);
        eventually("the call inside is cancelled", || async {
            (world.seen.dropped.load(Ordering::SeqCst) > 0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn errors_are_a_status_with_its_details_and_the_http_status_that_fits() {
    let world = World::new().await;
    let mut request = post("/v1/notifications", &[("origin", ORIGIN)], "");
    *request.method_mut() = Method::GET;
    let nobody = world.http1().await.ask(request).await;
    assert_eq!((nobody.status.as_u16(), nobody.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(nobody.header("access-control-allow-origin"), ORIGIN, "a page may read it");
    let detail = &told(&nobody)["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert_eq!(detail["reason"], "TOKEN_MISSING");
    let forbidden = get(&world, "/v1/lots/0190a8c0-0000-7000-8000-000000000001/sensors").await;
    assert_eq!(
        (forbidden.status.as_u16(), &told(&forbidden)["details"][0]["reason"]),
        (403, &json!("SCOPE_MISSING"))
    );
    let away = get(&world, "/v1/lots").await;
    assert_eq!((away.status.as_u16(), away.header("retry-after")), (503, "1"));
    let verb = ask(&world, Method::PUT, "/v1/lots", &[], "").await;
    assert_eq!((verb.status.as_u16(), verb.header("allow")), (405, "GET, POST"));
    assert_eq!(get(&world, "/v1/nothing").await.status.as_u16(), 404);
}

#[tokio::test]
async fn whoever_is_refused_is_not_read() {
    let world = World::new().await;
    let body = crate::client::in_pieces(vec![vec![b'x'; 10]]);
    let mut request = post("/v1/lots", &[("content-type", "application/json")], "");
    *request.body_mut() = body;
    let answer = world.http1().await.ask(request).await;
    assert_eq!(
        (answer.status.as_u16(), &told(&answer)["details"][0]["reason"]),
        (401, &json!("TOKEN_MISSING"))
    );
}

/// OpenAPI's own validator says whether the description is one.
#[tokio::test]
async fn the_description_is_openapi_and_names_every_path() {
    let world = World::new().await;
    let answer = get(&world, "/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("vary"), "accept-encoding");
    assert!(answer.headers.get("content-encoding").is_none());
    let document = told(&answer);
    let zipped = ask(&world, Method::GET, "/openapi.json", &[("accept-encoding", "br, gzip")], "");
    let zipped = zipped.await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut text = Vec::new();
    GzDecoder::new(&zipped.body[..]).read_to_end(&mut text).unwrap();
    assert!(zipped.body.len() * 4 < text.len() && text == answer.body);
    assert_eq!(document["openapi"], "3.1.0");
    let operation = &document["paths"]["/v1/bookings/{booking_id}:cancel"]["post"];
    assert_eq!(operation["operationId"], "BookingService_CancelBooking");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi-python");
    let python = python_with(&folder, "openapi_spec_validator", &["openapi-spec-validator==0.7.1"]);
    let file = std::env::temp_dir().join(format!("parkmesh-openapi-{}.json", std::process::id()));
    std::fs::write(&file, &answer.body).unwrap();
    let output = std::process::Command::new(python)
        .args(["-m", "openapi_spec_validator"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
