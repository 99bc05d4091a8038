//! Melbourne's two snapshots: the picture equals them, and how long a change takes.

use std::path::Path;

use crate::Failure;
use crate::proof::Figure;
use crate::up;

/// What docs/proof.md asks of the slowest hundredth, in milliseconds.
const P99_MS_MAX: f64 = 25.0;

/// Replays both snapshots against a fresh `up`.
pub fn prove(first: &Path, second: &Path) -> Result<bool, Failure> {
    let (status, report) = up::report("melbourne", |replay| {
        replay.args(["replay", "melbourne"]).args([first, second])
    })?;
    if !status.success() {
        return Err("the picture does not equal the recording".into());
    }
    let report = report?;
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
