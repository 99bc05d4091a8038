//! Stock clients that know nothing of our code: Python's grpcio with server reflection; in a browser's framing
//! the official `grpc-web` and `@connectrpc/connect-web`, run from Node over HTTP/1.1, and Node's HTTP/2 client.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::SignedDuration;
use parkmesh_contracts::booking::v1::BookingState;
use serde_json::Value;

use crate::support::{Driver, Up, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_grpc_client_books_watches_and_cancels_at_the_gateway_and_at_the_services() {
    let python = python();
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    eventually("the map", || async { anna.spot(&up, "0-130").await.ok() }).await;
    let gateway = bare(&up.gateway());
    let (booking, availability) =
        (bare(&up.told("/services/booking")), bare(&up.told("/services/availability")));
    for (spot, booking, availability) in
        [("0-130", &gateway, &gateway), ("0-131", &booking, &availability)]
    {
        let start = up.now() + SignedDuration::from_hours(1);
        let output = Command::new(&python)
            .arg(clients().join("stock_grpc.py"))
            .args([booking, availability, &up.token("driver"), &up.lot(), spot])
            .args([start.to_string(), (start + SignedDuration::from_hours(1)).to_string()])
            .output()
            .expect("python runs");
        let told = json(&output);
        let services: Vec<&str> = told["services"]
            .as_array()
            .expect("services")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(services.contains(&"parkmesh.booking.v1.BookingService"), "{services:?}");
        assert!(services.contains(&"grpc.health.v1.Health"), "{services:?}");
        booked_watched_and_cancelled(&told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_browser_clients_and_a_stock_http_2_client_do_the_same_at_the_gateway() {
    let web = web();
    let descriptors = web.join("descriptors.binpb");
    std::fs::write(&descriptors, parkmesh_contracts::FILE_DESCRIPTOR_SET).expect("a writable file");
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    for (script, format, spot) in [
        ("grpc-web.mjs", "text", "0-132"),
        ("grpc-web.mjs", "binary", "0-133"),
        ("connect-web.mjs", "binary", "0-134"),
        ("http2.mjs", "binary", "0-135"),
    ] {
        eventually("the map", || async { anna.spot(&up, spot).await.ok() }).await;
        let start = up.now() + SignedDuration::from_hours(1);
        let output = Command::new("node")
            .current_dir(&web)
            .env("PARKMESH_GRPC_WEB_FORMAT", format)
            .args([script, &up.gateway(), &up.token("driver")])
            .arg(&descriptors)
            .args([&up.lot(), spot])
            .args([start.to_string(), (start + SignedDuration::from_hours(1)).to_string()])
            .output()
            .expect("node runs");
        let told = json(&output);
        booked_watched_and_cancelled(&told);
        assert_eq!(told["secondHasDetails"], true, "{script} {format}: {told}");
    }
}

/// What every client must tell: it booked, nobody else could, and it saw its booking until the end.
fn booked_watched_and_cancelled(told: &Value) {
    let (reserved, cancelled) = (BookingState::Reserved as i32, BookingState::Cancelled as i32);
    assert_eq!(
        (&told["booked"], &told["cancelled"]),
        (&reserved.into(), &cancelled.into()),
        "{told}"
    );
    assert_eq!(told["second"], "FAILED_PRECONDITION", "{told}");
    let watched: Vec<i64> =
        told["watched"].as_array().expect("states").iter().filter_map(Value::as_i64).collect();
    assert_eq!(watched, [i64::from(reserved), i64::from(cancelled)], "{told}");
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
}

/// tests/web with its packages.
fn web() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/web");
    parkmesh_testkit::node_with(
        &source,
        &Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients-web"),
    )
}

/// host:port, as grpcio wants it.
fn bare(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// What a client printed.
pub fn json(output: &std::process::Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {text}\n{errors}"))
}

/// A Python with grpcio, made once and kept below target/.
fn python() -> PathBuf {
    let packages = ["grpcio==1.85.1", "grpcio-reflection==1.85.1"];
    python_with("clients", "grpc_reflection", &packages)
}

/// A Python with packages, made once and kept below target/; `import` is a module that they bring.
pub fn python_with(name: &str, import: &str, packages: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-python"));
    parkmesh_testkit::python_with(&folder, import, packages)
}
