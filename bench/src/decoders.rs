//! Mutated frames and messages by the ten million: nothing that arrives makes the bridge panic or answer out of bounds.

use std::process::Stdio;

use crate::Failure;
use crate::proof::{Figure, cargo};

/// What issue C asks for, of every decoder.
const EXECUTIONS_MIN: f64 = 10_000_000.0;
/// Models with frames, one of them in two firmware orders, and what is around frames.
const DECODERS_MIN: usize = 14;

/// Runs the bridge's mutator at full size, with debug assertions, and reads what it tells.
pub fn prove() -> Result<bool, Failure> {
    let output = cargo()
        .args(["test", "--package", "parkmesh-sensor-bridge", "--lib"])
        .args(["--", "--nocapture", "mutate"])
        .env("PARKMESH_PROOF", "1")
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().filter_map(|line| line.split_once("decoders: "));
    let executions: Vec<f64> = told
        .filter_map(|(_, told)| {
            println!("{told}");
            told.split(", ").nth(1)?.strip_suffix(" executions")?.parse().ok()
        })
        .collect();
    if executions.len() < DECODERS_MIN {
        let count = executions.len();
        return Err(format!("{count} decoders told what they survived:\n{text}").into());
    }
    let least = executions.iter().copied().fold(f64::INFINITY, f64::min);
    Figure {
        name: "decoders",
        figure: least,
        unit: "executions survived by the decoder with the fewest",
        yardstick: "no panic, no overflow, every answer within bounds",
        ask: format!(">= {EXECUTIONS_MIN}"),
        holds: output.status.success() && least >= EXECUTIONS_MIN,
    }
    .tell()
}
