//! `parkmesh torture`, small: as a person would run it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Up, servers_home};

/// What torture says of itself, and whether it ended well.
fn torture(args: &[&str]) -> (bool, String, Value) {
    let (ended_well, said, report) = try_torture(args);
    let report = report.unwrap_or_else(|| panic!("no report:\n{said}"));
    (ended_well, said, report)
}

fn try_torture(args: &[&str]) -> (bool, String, Option<Value>) {
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
    let report = std::fs::read_to_string(&json).ok();
    if report.is_some() {
        std::fs::remove_file(json).expect("removed");
    }
    let report = report.map(|report| serde_json::from_str(&report).expect("JSON"));
    (output.status.success(), said, report)
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
fn a_run_that_is_kept_can_be_ended_at_any_time_and_gone_on_with() {
    let _turn = Up::turn();
    let folder = std::env::temp_dir().join(format!("parkmesh-torture-{}", uuid::Uuid::now_v7()));
    let kept = folder.to_str().expect("a path");
    let args =
        ["--attempts", "1500", "--clients", "16", "--kill-booking-every", "3", "--keep", kept];
    // The first sitting wants more than anybody could do before it is ended.
    let mut sitting = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
        .args(["torture", "--attempts", "1000000"])
        .args(&args[2..])
        .arg("--servers-home")
        .arg(servers_home())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("parkmesh starts");
    let mut lines = BufReader::new(sitting.stdout.take().expect("piped")).lines();
    // The first line of progress: there is a crowd.
    let progress = lines.by_ref().map_while(Result::ok).find(|line| line.contains("granted"));
    assert!(progress.is_some(), "the crowd began");
    kill(pid_of(&sitting), Signal::SIGTERM).expect("it runs");
    let said: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(!sitting.wait().expect("it ends").success(), "{said:#?}");

    let other = try_torture(&[&args[..], &["--seed", "2"]].concat());
    assert!(
        other.1.contains("--seed, --clients, --spots and --replicas must be as"),
        "{}",
        other.1
    );
    let (ended_well, said, report) = torture(&args);
    assert!(ended_well && report["holds"] == true, "{said}");
    assert!(said.contains("calls were made before"), "{said}");
    assert!(number(&report, "calls") >= 1_500, "{said}");
    let again = try_torture(&args);
    assert!(!again.0 && again.1.contains("remove the folder to begin anew"), "{}", again.1);
    std::fs::remove_dir_all(folder).expect("removed");
}

fn pid_of(child: &std::process::Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a pid"))
}

/// Root in a container may have no mounts of its own, and so no disk whose power can be cut.
fn may_mount() -> bool {
    let unshare = Command::new("unshare").args(["--mount", "--", "true"]).output();
    std::path::Path::new("/dev/loop-control").exists()
        && unshare.is_ok_and(|output| output.status.success())
}

#[test]
fn power_cuts_take_nothing_that_was_acknowledged_or_are_refused_by_name() {
    let _turn = Up::turn();
    let (ended_well, said, report) = try_torture(&[
        "--attempts",
        "1200",
        "--clients",
        "16",
        "--cut-power-every",
        "5",
        "--kill-booking-every",
        "7",
        "--restart-postgres-every",
        "0",
        "--delete-stream-every",
        "9",
    ]);
    if !may_mount() {
        assert!(!ended_well && said.contains("power cuts need root, loop devices"), "{said}");
        return;
    }
    let report = report.unwrap_or_else(|| panic!("no report:\n{said}"));
    assert!(ended_well && report["holds"] == true, "{said}");
    assert!(number(&report, "power_cuts") > 0 && number(&report, "facts") > 200, "{said}");
    // What the stream acknowledged it kept, but for when it was deleted. A cut that comes before the
    // deletion is on disk brings the deleted one back in place of its successor: once more another stream.
    assert_eq!(number(&report, "stream_losses"), 0, "{said}");
    let (anew, deleted) = (number(&report, "streams_anew"), number(&report, "streams_deleted"));
    assert!(anew <= 2 * deleted, "{said}");
}

#[test]
fn a_power_cut_is_one_because_stores_that_acknowledge_too_early_lose_by_it() {
    let _turn = Up::turn();
    if !may_mount() {
        // The test above sees that it is refused by name.
        return;
    }
    let hasty = ["--hasty-stores", "--restart-postgres-every", "0", "--kill-booking-every", "0"];
    let often = ["--attempts", "1000", "--clients", "16", "--cut-power-every", "3"];
    let (ended_well, said, report) = torture(&[&hasty[..], &often[..]].concat());
    assert!(!ended_well && number(&report, "violations") > 0, "{said}");
    let lost = number(&report, "stream_losses") + number(&report, "streams_anew");
    assert!(lost > 0, "{said}");
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

#[test]
fn wherever_payment_or_booking_dies_all_money_moves_once_by_the_providers_books() {
    let _turn = Up::turn();
    // Every fifth point here; all of them are a proof.
    let (ended_well, said, report) =
        torture(&["--what", "failpoints", "--attempts", "1", "--every", "5"]);
    assert!(ended_well && report["holds"] == true, "{said}");
    assert!(number(&report, "deaths") >= 5, "{said}");
}

#[test]
fn a_crowd_that_repeats_itself_pays_once_while_the_provider_fails() {
    let _turn = Up::turn();
    let (ended_well, said, report) =
        torture(&["--what", "payments", "--attempts", "800", "--clients", "16"]);
    assert!(ended_well && report["holds"] == true, "{said}");
    assert!(number(&report, "repeated") > 50 && number(&report, "repeated_at_once") > 10, "{said}");
    assert!(number(&report, "facts_delivered_again") > 200, "{said}");
}

fn record() -> PathBuf {
    std::env::temp_dir().join(format!("parkmesh-torture-{}.bin", uuid::Uuid::now_v7()))
}
