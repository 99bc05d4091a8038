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
