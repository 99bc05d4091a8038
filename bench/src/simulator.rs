//! A simulated city on a bad day: in the end the product knows what stands where.

use serde_json::Value;

use crate::Failure;
use crate::proof::Figure;
use crate::up;

/// How large the city is and how long its day.
#[derive(Debug, clap::Args)]
pub struct Simulator {
    /// Spots.
    #[arg(long, default_value_t = 10_000)]
    spots: u32,
    /// Minutes of the simulation in which cars move.
    #[arg(long, default_value_t = 60)]
    minutes: u32,
    /// How much faster than the clock on the wall.
    #[arg(long, default_value_t = 6)]
    speed: u32,
    /// Another seed is another city.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Simulates in a fresh `up`, and compares.
pub fn prove(options: &Simulator) -> Result<bool, Failure> {
    // What --rough means is asked for in words here: 20 % duplicates, disorder up to 60 s, 5 % loss, clocks off by up to a day,
    // a restart of each device in an hour, 1 % silent, 1 % flapping at 1 Hz.
    let (_status, report) = up::report("simulator", |simulate| {
        simulate
            .args(["simulate", "--rough", "--check", "--day", "flat", "--stay-minutes", "20"])
            .args([
                "--booked",
                "0.1",
                "--duplicates",
                "0.2",
                "--late",
                "0.3",
                "--late-seconds",
                "60",
            ])
            .args(["--loss", "0.05", "--wrong-clocks", "1", "--restarts-per-hour", "1"])
            .args([
                "--spots",
                &options.spots.to_string(),
                "--minutes",
                &options.minutes.to_string(),
            ])
            .args(["--speed", &options.speed.to_string(), "--seed", &options.seed.to_string()])
    })?;
    judge(&report?, options)
}

fn judge(report: &Value, options: &Simulator) -> Result<bool, Failure> {
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let spots = number("/spots");
    let equal = (spots - number("/spots_differ") - number("/picture_differs")) * 100.0 / spots;
    let bad_day = ["/radio/lost", "/radio/repeated", "/radio/late", "/radio/restarts", "/unknown"]
        .iter()
        .all(|path| number(path) >= 1.0);
    let truth = Figure {
        name: "simulator-truth",
        figure: equal,
        unit: "% of spots, in the sensor service, on the map and in the counters, that equal the ground truth after quiet",
        yardstick: "the simulation's own ground",
        ask: format!("= 100 of {} spots, on a bad day", options.spots),
        holds: equal == 100.0 && spots == f64::from(options.spots) && bad_day,
    };
    let charges = Figure {
        name: "simulator-charges",
        figure: number("/bookings/charged_while_there"),
        unit: "bookings that ended with something to pay while their car was still there and their time not over",
        yardstick: "the simulation's own ground",
        ask: "= 0, of at least 100 cars that came to their booking".to_owned(),
        holds: number("/bookings/charged_while_there") == 0.0 && number("/bookings/came") >= 100.0,
    };
    let flapping = Figure {
        name: "simulator-flapping",
        figure: number("/flapping_changes_per_window"),
        unit: "changes to a settle window of the most restless spot whose sensor flaps at 1 Hz",
        yardstick: "none",
        ask: "≤ 1".to_owned(),
        holds: number("/flapping_changes_per_window") <= 1.0 && number("/flapping_spots") >= 1.0,
    };
    let (truth, charges, flapping) = (truth.tell()?, charges.tell()?, flapping.tell()?);
    Ok(truth && charges && flapping)
}
