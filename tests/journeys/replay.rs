//! Recorded sensor data through the whole system; the picture equals the recording.

use std::path::Path;
use std::process::Command;

use crate::support::Up;

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_equals_the_recording_and_strangers_stay_in_quarantine() {
    let up = Up::start(&["--no-seed"]);
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/journeys/melbourne");
    let replay = || {
        let output = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
            .args(["replay", "melbourne"])
            .args([recordings.join("first.csv"), recordings.join("second.csv")])
            .args(["--gateway", &up.gateway(), "--home"])
            .arg(up.home())
            .output()
            .expect("parkmesh runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}\n{errors}");
        told
    };
    let told = replay();
    for line in [
        "40 bays, 44 later, 40 in both, 15 of them differ",
        "40 spots compared, 0 differ",
        "4 bays that nobody registered are in quarantine",
        "15 changes seen; MQTT publish to availability change",
    ] {
        assert!(told.contains(line), "{line:?} is missing:\n{told}");
    }
    // Again: what is there is found and kept, and the outcome is the same.
    assert!(replay().contains("40 spots compared, 0 differ"));
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_become_cars_and_silent_sensors_are_known_to_be_silent() {
    let up = Up::start(&["--no-seed"]);
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/journeys");
    let replay = |args: &[&str], recording: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_parkmesh"))
            .arg("replay")
            .args(args)
            .arg(recordings.join(recording))
            .args(["--gateway", &up.gateway(), "--home"])
            .arg(up.home())
            .output()
            .expect("parkmesh runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}\n{errors}");
        told
    };
    let told = replay(&["birmingham", "--counts-max", "3"], "birmingham/counts.csv");
    for line in [
        "BHMEURBRD02 on 2016-10-04: 220 spaces, 6 counts; 0 below nothing, 0 above the capacity",
        "08:59:42: 146 cars, 51 moved; the picture shows them",
        "146 cars came or went, 0 differ after each count",
    ] {
        assert!(told.contains(line), "{line:?} is missing:\n{told}");
    }
    // Last, because it moves the clock by days.
    let told = replay(&["ulm"], "ulm/feed.json");
    for line in [
        "27 bays, 7 of them silent for over 24 h",
        "27 spots compared, 0 differ",
        "2 days later 7 are known to be silent, and no other",
    ] {
        assert!(told.contains(line), "{line:?} is missing:\n{told}");
    }
}
