//! Melbourne's two snapshots: the picture equals them, and how long a change takes.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Failure;
use crate::proof::Figure;
use crate::up::{self, Up};

/// What docs/proof.md asks of the slowest hundredth, in milliseconds.
const P99_MS_MAX: f64 = 25.0;

/// Replays both snapshots against a fresh `up`.
pub fn prove(first: &Path, second: &Path) -> Result<bool, Failure> {
    let (binary, home) = (up::binary()?, up::home("melbourne")?);
    let running = Up::start(&binary, &home, &["--no-seed", "--ephemeral"])?;
    let report = home.join("report.json");
    let status = Command::new(&binary)
        .args(["replay", "melbourne"])
        .args([first, second])
        .args(["--gateway", running.file["gateway"].as_str().unwrap_or_default(), "--home"])
        .arg(&home)
        .arg("--json")
        .arg(&report)
        .status()?;
    drop(running);
    if !status.success() {
        return Err("the picture does not equal the recording".into());
    }
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report)?)?;
    let number = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
    let differences = Figure {
        name: "melbourne-differences",
        figure: number("differences"),
        unit: "spots and counters that differ from the second snapshot",
        yardstick: "the snapshot itself",
        ask: "= 0".to_owned(),
        holds: number("differences") == 0.0 && number("spots") >= 1.0,
    };
    let latency = |name, key: &str, ask: Option<f64>| Figure {
        name,
        figure: number(key),
        unit: "ms, MQTT publish to availability change, settle time excluded, 1,000 readings/s",
        yardstick: "none",
        ask: ask.map_or_else(|| "told".to_owned(), |ask| format!("< {ask}")),
        holds: ask.is_none_or(|ask| number(key) < ask),
    };
    let held = differences.tell()?;
    latency("melbourne-latency-p50", "p50_ms", None).tell()?;
    let fast = latency("melbourne-latency-p99", "p99_ms", Some(P99_MS_MAX)).tell()?;
    Ok(held && fast)
}
