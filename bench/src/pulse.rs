//! A thousand changes a second over MQTT, and how long each takes to a client that watches.

use serde_json::Value;

use crate::Failure;
use crate::lab::stats::median;
use crate::proof::Figure;
use crate::up;

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
    /// Rounds; the medians count. A machine with neighbours has moments in which all is slow.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
}

/// Runs each round against a fresh `up`.
pub fn prove(options: &Pulse) -> Result<bool, Failure> {
    let (mut halves, mut slowest, mut all) = (Vec::new(), Vec::new(), true);
    for _round in 0..options.rounds {
        let report = round(options)?;
        let number = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
        println!("  p50 {:.1} ms, p99 {:.1} ms", number("p50_ms"), number("p99_ms"));
        all &= number("changes") == f64::from(options.spots);
        halves.push(number("p50_ms"));
        slowest.push(number("p99_ms"));
    }
    let none = "no round was measured";
    let (p50, p99) = (median(halves).ok_or(none)?, median(slowest).ok_or(none)?);
    let unit = "ms, MQTT publish to a watching client, settle time excluded, at 1,000 changes/s";
    let half = Figure { holds: all, ..Figure::told("pulse-p50", p50, unit) };
    let slow = Figure {
        name: "pulse-p99",
        figure: p99,
        unit,
        yardstick: "none",
        ask: format!("< {P99_MS_MAX}"),
        holds: all && options.rate >= 1_000 && p99 < P99_MS_MAX,
    };
    let (half, slow) = (half.tell()?, slow.tell()?);
    Ok(half && slow)
}

fn round(options: &Pulse) -> Result<Value, Failure> {
    let (_status, report) = up::report("pulse", |replay| {
        replay
            .args(["replay", "pulse", "--spots", &options.spots.to_string()])
            .args(["--rate", &options.rate.to_string()])
    })?;
    report
}
