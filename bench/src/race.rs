//! The race of two hundred drivers, at its full length.

use crate::Failure;
use crate::proof::{Figure, cargo};

/// Rounds of the full race; the test runs a tenth of them otherwise.
const ROUNDS: f64 = 100.0;

/// Runs the journey with all its rounds.
pub fn prove() -> Result<bool, Failure> {
    let name = "race::of_two_hundred_drivers";
    let status = cargo()
        .args(["test", "--package", "parkmesh", "--test", "journeys", "--", "--nocapture", name])
        .env("PARKMESH_PROOF", "1")
        .status()?;
    let figure = Figure {
        name: "race",
        figure: if status.success() { ROUNDS } else { 0.0 },
        unit: "rounds of 200 drivers with one winner, all losers told what else is free, no deadlock",
        yardstick: "none",
        ask: format!("= {ROUNDS}"),
        holds: status.success(),
    };
    figure.tell()
}
