//! A small city on a bad day, fifteen times as fast: whatever sensors, air and drivers do, the product knows in the end what
//! stands where, and has charged nobody whose car is still there.

use std::process::Command;

use serde_json::Value;

use crate::support::Up;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_bad_day_every_spot_equals_the_truth_and_nobody_was_charged_too_early() {
    let up = Up::start(&["--no-seed"]);
    let report = up.home().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
        .args(["simulate", "--spots", "200", "--rough", "--check", "--minutes", "12"])
        .args(["--speed", "15", "--day", "flat", "--stay-minutes", "10", "--booked", "0.2"])
        // One device in twenty fails in one way or another; with 1 % there might be none among 200.
        .args(["--heartbeat-seconds", "90", "--silent", "0.03", "--flapping", "0.02"])
        .args(["--gateway", &up.gateway(), "--home"])
        .arg(up.home())
        .arg("--json")
        .arg(&report)
        .output()
        .expect("parkmesh runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    let report = std::fs::read_to_string(report).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64).expect("a number");
    assert_eq!(number("/spots"), 200.0, "{report}");
    for path in ["/spots_differ", "/picture_differs", "/bookings/charged_while_there"] {
        assert_eq!(number(path), 0.0, "{path}: {report}");
    }
    assert!(number("/flapping_changes_per_window") <= 1.0, "{report}");
    // It was a bad day, and people lived through it.
    for path in ["/unknown", "/occupied", "/vacant", "/flapping_spots", "/bookings/booked"] {
        assert!(number(path) >= 1.0, "{path}: {report}");
    }
    for path in ["/radio/lost", "/radio/repeated", "/radio/late", "/radio/restarts"] {
        assert!(number(path) >= 10.0, "{path}: {report}");
    }
}
