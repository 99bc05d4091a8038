//! `parkmesh torture`, small: as a person would run it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Up, servers_home};

/// What torture says of itself, and whether it ended well.
fn torture(args: &[&str]) -> (bool, String, Value) {
    let json = std::env::temp_dir().join(format!("parkmesh-torture-{}.json", uuid::Uuid::now_v7()));
    let output = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
        .arg("torture")
        .args(args)
        .arg("--servers-home")
        .arg(servers_home())
        .arg("--json")
        .arg(&json)
        .output()
        .expect("parkmesh starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let report = std::fs::read_to_string(&json).unwrap_or_else(|_| panic!("no report:\n{said}"));
    std::fs::remove_file(json).expect("removed");
    (output.status.success(), said, serde_json::from_str(&report).expect("JSON"))
}

fn number(report: &Value, name: &str) -> i64 {
    report[name].as_i64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
fn a_crowd_under_kills_gets_what_it_was_promised_and_the_record_can_be_judged_again() {
    let _turn = Up::turn();
    let record = record();
    let (ended_well, said, report) = torture(&[
        "--attempts",
        "1500",
        "--clients",
        "16",
        "--kill-booking-every",
        "3",
        "--restart-postgres-every",
        "5",
        "--kill-nats-every",
        "4",
        "--delete-stream-every",
        "7",
        "--history",
        record.to_str().expect("a path"),
    ]);
    assert!(ended_well && report["holds"] == true, "{said}");
    assert!(number(&report, "calls") >= 1_500, "{said}");
    assert!(number(&report, "bookings") > 100 && number(&report, "facts") > 200, "{said}");
    assert!(
        number(&report, "booking_kills") > 0 && said.contains("every promise was kept"),
        "{said}"
    );

    let again = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
        .args(["torture", "--judge"])
        .arg(&record)
        .output()
        .expect("parkmesh starts");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    std::fs::remove_file(record).expect("removed");
}

#[test]
fn confirmations_at_the_end_of_their_hold_end_in_one_way_though_no_clockwork_runs() {
    let _turn = Up::turn();
    let (ended_well, said, report) = torture(&["--what", "expiry", "--attempts", "300"]);
    assert!(ended_well && report["holds"] == true, "{said}");
    assert_eq!(number(&report, "confirmed") + number(&report, "expired"), 300, "{said}");
}

#[test]
fn calls_that_are_given_up_leave_nothing_behind_and_harm_nobody() {
    let _turn = Up::turn();
    let (ended_well, said, report) = torture(&["--what", "cancels", "--attempts", "3000"]);
    assert!(ended_well && report["holds"] == true, "{said}");
    assert!(number(&report, "given_up") > 300, "{said}");
}

fn record() -> PathBuf {
    std::env::temp_dir().join(format!("parkmesh-torture-{}.bin", uuid::Uuid::now_v7()))
}
