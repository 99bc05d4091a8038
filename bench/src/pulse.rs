//! A thousand changes a second over MQTT, and how long each takes to a client that watches.

use crate::Failure;
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
}

/// Runs it against a fresh `up`.
pub fn prove(options: &Pulse) -> Result<bool, Failure> {
    let (_status, report) = up::report("pulse", |replay| {
        replay
            .args(["replay", "pulse", "--spots", &options.spots.to_string()])
            .args(["--rate", &options.rate.to_string()])
    })?;
    let report = report?;
    let number = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
    let all = number("changes") == f64::from(options.spots);
    let unit = "ms, MQTT publish to a watching client, settle time excluded, at 1,000 changes/s";
    let half = Figure { holds: all, ..Figure::told("pulse-p50", number("p50_ms"), unit) };
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
