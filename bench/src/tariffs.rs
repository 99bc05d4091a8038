//! Prices against an independent oracle, at full size: every zone whose clocks change, both changes of a
//! year, every minute of the 48 hours around each.

use std::process::Stdio;

use crate::Failure;
use crate::proof::{Figure, cargo};

/// What issue B asks for.
const ZONES_MIN: f64 = 60.0;

/// Runs the test of booking with every minute, and reads what it tells.
pub fn prove() -> Result<bool, Failure> {
    let output = cargo()
        .args(["test", "--package", "parkmesh-booking", "--test", "it"])
        .args(["--", "--nocapture", "tariff_oracle"])
        .env("PARKMESH_PROOF", "1")
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| line.strip_prefix("tariff-oracle: "));
    let told = told.ok_or_else(|| format!("the test told nothing:\n{text}"))?;
    let numbers: Vec<f64> =
        told.split(", ").filter_map(|part| part.split(' ').next()?.parse().ok()).collect();
    let [zones, prices, differences] = numbers[..] else {
        return Err(format!("not three numbers: {told}").into());
    };
    let yardstick = "Python's zoneinfo and the definition of tariffs, step by step";
    let agree = Figure {
        name: "tariffs-differences",
        figure: differences,
        unit: "prices that differ",
        yardstick,
        ask: "= 0".to_owned(),
        holds: differences == 0.0 && output.status.success(),
    };
    let zones = Figure {
        name: "tariffs-zones",
        figure: zones,
        unit: "zones, both changes of a year, every minute of 48 h",
        yardstick,
        ask: format!(">= {ZONES_MIN}"),
        holds: zones >= ZONES_MIN,
    };
    let prices = Figure {
        name: "tariffs-prices",
        figure: prices,
        unit: "prices compared",
        yardstick,
        ask: "told".to_owned(),
        holds: prices > 0.0,
    };
    let held = [agree.tell()?, zones.tell()?, prices.tell()?];
    Ok(held.iter().all(|holds| *holds))
}
