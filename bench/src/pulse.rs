//! A thousand changes a second over MQTT, and how long each takes to a client that watches.

use std::process::Command;

use serde_json::Value;

use crate::Failure;
use crate::proof::Figure;
use crate::up::{self, Up};

/// What is asked of the slowest hundredth, in milliseconds.
const P99_MS_MAX: f64 = 25.0;

/// How much changes.
#[derive(Debug, clap::Args)]
pub struct Pulse {
    /// Spots; each changes once.
    #[arg(long, default_value_t = 10_000)]
    spots: u32,
    /// Changes in a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
}

/// Runs it against a fresh `up`.
pub fn prove(options: &Pulse) -> Result<bool, Failure> {
    let (binary, home) = (up::binary()?, up::home("pulse")?);
    let running = Up::start(&binary, &home, &["--no-seed", "--ephemeral"])?;
    let report = home.join("report.json");
    let status = Command::new(&binary)
        .args(["replay", "pulse", "--spots", &options.spots.to_string()])
        .args(["--rate", &options.rate.to_string()])
        .args(["--gateway", running.file["gateway"].as_str().unwrap_or_default(), "--home"])
        .arg(&home)
        .arg("--json")
        .arg(&report)
        .status()?;
    drop(running);
    let text = std::fs::read_to_string(&report)
        .map_err(|error| format!("parkmesh replay ended with {status} and no report: {error}"))?;
    let report: Value = serde_json::from_str(&text)?;
    let number = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
    let all = number("changes") == f64::from(options.spots);
    let unit = "ms, MQTT publish to a watching client, settle time excluded, at 1,000 changes/s";
    let half = Figure {
        name: "pulse-p50",
        figure: number("p50_ms"),
        unit,
        yardstick: "none",
        ask: "told".to_owned(),
        holds: all,
    };
    let slow = Figure {
        name: "pulse-p99",
        figure: number("p99_ms"),
        unit,
        yardstick: "none",
        ask: format!("< {P99_MS_MAX}"),
        holds: all && options.rate >= 1_000 && number("p99_ms") < P99_MS_MAX,
    };
    let (half, slow) = (half.tell()?, slow.tell()?);
    Ok(half && slow)
}
