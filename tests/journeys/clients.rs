//! Stock clients that know nothing of our code: Python's grpcio with server reflection, and in a browser's
//! framing the official `grpc-web` and `@connectrpc/connect-web`, run from Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::SignedDuration;
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
        // RESERVED = 2, CANCELLED = 5.
        assert_eq!((&told["booked"], &told["cancelled"]), (&2.into(), &5.into()), "{told}");
        assert_eq!(told["second"], "FAILED_PRECONDITION");
        let watched = told["watched"].as_array().expect("states");
        assert_eq!((watched.first(), watched.last()), (Some(&2.into()), Some(&5.into())), "{told}");
    }
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
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
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients-python");
    let python = folder.join("bin/python");
    let has_grpc = |python: &Path| {
        let tried = Command::new(python).args(["-c", "import grpc_reflection"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if !has_grpc(&python) {
        run(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder),
            "python3 with venv",
        );
        let packages = ["grpcio==1.85.1", "grpcio-reflection==1.85.1"];
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages), "pip");
    }
    python
}

fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{what} is needed here: {error}"));
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}
