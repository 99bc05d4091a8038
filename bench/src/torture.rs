//! The proofs that `parkmesh torture` makes, at their full size.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Failure;
use crate::proof::{Figure, repository};
use crate::up;

/// Deaths at each failpoint, and operations of the crowd that pays.
pub const FAILPOINTS: u64 = 2;
pub const PAYMENTS: u64 = 20_000;
/// Facts that tell of exits.
pub const EXITS: u64 = 20_000;
/// Calls of the history that was asked for.
pub const HISTORY: u64 = 1_000_000;
/// Trials of confirmations that race the end of their hold.
pub const CONFIRM_RACE: u64 = 100_000;
/// Calls that are given up.
pub const CANCELS: u64 = 1_000_000;

/// What `parkmesh torture` said.
fn torture(name: &str, size: u64, args: &[&str]) -> Result<Value, Failure> {
    let (binary, home) = (up::binary()?, up::home(name)?);
    let report = home.join("report.json");
    let status = Command::new(&binary)
        .args(["torture", "--attempts", &size.to_string()])
        .args(args)
        .arg("--servers-home")
        .arg(repository().join(".parkmesh"))
        .arg("--json")
        .arg(&report)
        .status()?;
    let text = std::fs::read_to_string(&report)
        .map_err(|error| format!("parkmesh torture ended with {status} and no report: {error}"))?;
    Ok(serde_json::from_str(&text)?)
}

fn number(report: &Value, name: &str) -> f64 {
    report[name].as_f64().unwrap_or(f64::NAN)
}

/// A random history under faults, judged.
pub fn history(size: u64, power_cuts: bool, keep: Option<&Path>) -> Result<bool, Failure> {
    let (kind, place) = match keep {
        Some(folder) => ("--keep", std::path::absolute(folder)?),
        None => ("--history", up::home("history-record")?.join("history.bin")),
    };
    let place = place.display().to_string();
    // A run that is longer than the one that was asked for has as many faults: each costs the crowd seconds.
    let every = |seconds: u64| (seconds * (size / HISTORY).max(1)).to_string();
    let [kills, restarts, nats, streams, cuts] = [10, 30, 45, 300, 20].map(every);
    let mut args = vec![
        ["--kill-booking-every", &kills],
        ["--restart-postgres-every", &restarts],
        ["--kill-nats-every", &nats],
        ["--delete-stream-every", &streams],
        [kind, &place],
    ];
    if power_cuts {
        args.push(["--cut-power-every", &cuts]);
    }
    let report = torture("history", size, &args.concat())?;
    println!(
        "  {} calls, {} bookings, {} facts; booking killed {} times, Postgres {} times, restarted {} times, \
         NATS killed {} times, the stream deleted {} times, the power cut {} times",
        report["calls"],
        report["bookings"],
        report["facts"],
        report["booking_kills"],
        report["postgres_kills"],
        report["postgres_restarts"],
        report["nats_kills"],
        report["streams_deleted"],
        report["power_cuts"]
    );
    let calls = number(&report, "calls");
    let faults_enough = number(&report, "booking_kills") >= 1.0
        && number(&report, "postgres_kills") + number(&report, "postgres_restarts") >= 1.0;
    // A stream forgets what it acknowledged when it is deleted, and at no other time. A cut that comes before the
    // deletion is on disk brings the deleted one back in place of its successor: once more another stream.
    let kept = number(&report, "stream_losses") == 0.0
        && number(&report, "streams_anew") <= 2.0 * number(&report, "streams_deleted");
    let cut = number(&report, "power_cuts") >= 1.0 && kept;
    let figure = Figure {
        name: if power_cuts { "history-power-cuts" } else { "history" },
        figure: number(&report, "violations"),
        unit: match power_cuts {
            false => "promises broken in a history of random calls, booking and Postgres killed",
            true => "promises broken in a history of random calls, the power of both stores cut",
        },
        yardstick: "the judge of crates/history",
        ask: format!("= 0 in at least {size} calls"),
        holds: report["holds"] == true
            && calls >= to_float(size)
            && faults_enough
            && (cut || !power_cuts),
    };
    figure.tell()
}

/// Confirmations against the end of their hold.
pub fn confirm_race(size: u64) -> Result<bool, Failure> {
    let report = torture("confirm-race", size, &["--what", "expiry"])?;
    println!(
        "  {} confirmed, {} expired, {} rivals had the spot at once",
        report["confirmed"], report["expired"], report["rival_at_once"]
    );
    let figure = Figure {
        name: "confirm-race",
        figure: number(&report, "violations"),
        unit: "confirmations at the end of their hold that ended in none or two outcomes, or left a lapsed hold in the way",
        yardstick: "none",
        ask: format!("= 0 in {size} trials, on both sides of the deadline, without a clockwork"),
        holds: report["holds"] == true && number(&report, "trials") >= to_float(size),
    };
    figure.tell()
}

/// Calls that are given up.
pub fn cancels(size: u64) -> Result<bool, Failure> {
    let report = torture("cancels", size, &["--what", "cancels"])?;
    println!(
        "  {} given up; at most {} connections, {} at the end",
        report["given_up"], report["connections_max"], report["connections_end"]
    );
    let sum = ["left_behind", "broken_transactions", "harmed"];
    let figure = Figure {
        name: "cancels",
        figure: sum.iter().map(|name| number(&report, name)).sum(),
        unit: "transactions left open, statements with 25P02, calls of others that were harmed",
        yardstick: "none",
        ask: format!("= 0 in {size} calls given up at random instants, and pools of constant size"),
        holds: report["holds"] == true,
    };
    figure.tell()
}

/// Deaths of payment and booking at every named point.
pub fn failpoints(size: u64) -> Result<bool, Failure> {
    let report = torture("failpoints", size, &["--what", "failpoints"])?;
    println!(
        "  {} deaths at {} points; the slowest money was at its end {:.1} s after the process was there again",
        report["deaths"],
        report["points"],
        number(&report, "slowest_seconds")
    );
    let deaths = number(&report, "deaths");
    let figure = Figure {
        name: "failpoints",
        figure: number(&report, "violations"),
        unit: "wrong after deaths at every point of setting money aside, taking it and giving it back, by the provider's books",
        yardstick: "the provider's own ledger",
        ask: format!(
            "= 0 with {size} deaths at each of at least 20 points, all money at its end within 60 s"
        ),
        holds: report["holds"] == true
            && number(&report, "points") >= 20.0
            && deaths >= number(&report, "points") * to_float(size),
    };
    figure.tell()
}

/// A crowd that pays while the provider fails.
pub fn payments(size: u64) -> Result<bool, Failure> {
    let report = torture("payments", size, &["--what", "payments"])?;
    println!("  {report:#}");
    let terminal = number(&report, "terminal_seconds");
    let wrong = Figure {
        name: "payments",
        figure: number(&report, "violations"),
        unit: "double or lost movements, or cents between our ledger and the provider's",
        yardstick: "the provider's own ledger",
        ask: format!(
            "= 0 in {size} operations, 30 % repeated, 10 % at once, 15 % provider faults, every end told again"
        ),
        holds: report["holds"] == true && number(&report, "operations") >= to_float(size),
    };
    let late = Figure {
        name: "payments-terminal",
        figure: terminal,
        unit: "s from the end of the faults until all money is at its end",
        yardstick: "none",
        ask: "< 60".to_owned(),
        holds: terminal < 60.0,
    };
    let rate = Figure::told("payments-rate", number(&report, "per_second"), "operations/s");
    let (wrong, late, _told) = (wrong.tell()?, late.tell()?, rate.tell()?);
    Ok(wrong && late)
}

/// Exits that are told again and again.
pub fn exits(size: u64) -> Result<bool, Failure> {
    let report = torture("exits", size, &["--what", "exits"])?;
    println!(
        "  {} facts of {} stays, {:.0} a second; {} captures",
        report["facts"],
        report["stays"],
        number(&report, "per_second"),
        report["captures"]
    );
    let figure = Figure {
        name: "exits",
        figure: number(&report, "violations"),
        unit: "captures too many or too few, or cents between our ledger and the provider's",
        yardstick: "the provider's own ledger",
        ask: format!("= 0 with {size} facts of exits and arrivals of 100 stays, in any order"),
        holds: report["holds"] == true && number(&report, "facts") >= to_float(size),
    };
    figure.tell()
}

fn to_float(size: u64) -> f64 {
    f64::from(u32::try_from(size).unwrap_or(u32::MAX))
}
