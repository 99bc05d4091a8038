//! Every reading counts: each spot's sensor speaks once in a round, while what carries its word is killed. A reading that got lost would
//! stay lost, so a picture that is exact has lost none. With the broker killed too, whose memory is nobody's promise, heartbeats make up.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::city::City;
use crate::proof::Figure;

/// What is killed, in turn.
const VICTIMS: [&str; 4] = ["sensor-bridge", "sensor", "nats", "redis"];
/// And with the broker.
const VICTIMS_ALL: [&str; 5] = ["mosquitto", "sensor-bridge", "sensor", "nats", "redis"];
/// From one being back to the next kill, in milliseconds: differs from kill to kill, so that it meets every moment.
const PAUSES_MS: [u64; 5] = [300, 1_700, 900, 2_600, 100];
/// Of sensors that make up for a broker without memory.
const HEARTBEAT_SECONDS: u32 = 30;
/// Beyond a heartbeat: the way and the settle time of the slowest model.
const SETTLED_SECONDS: f64 = 15.0;
/// A round lasts so many minutes; all sensors speak in its first twenty seconds.
const ROUND_MINUTES: &str = "0.5";
/// What `parkmesh simulate` says when it is about to begin, and when no car moves any more.
const BEGINS: &str = "of them taken";
const RESTS: &str = "cars have stopped";

/// How much is proved.
#[derive(Debug, clap::Args)]
pub struct Kills {
    /// Spots, one reading of each to a round.
    #[arg(long, default_value_t = 10_000)]
    spots: u32,
    /// Rounds: a car on every spot, none on any, and so on.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Rounds with the broker killed too.
    #[arg(long, default_value_t = 2)]
    broker_rounds: u32,
}

/// Proves both.
pub fn prove(options: &Kills) -> Result<bool, Failure> {
    let city = City::start("kills", options.spots)?;
    let kept = rounds(&city, options, options.rounds, &VICTIMS)?;
    drop(city);
    let city = City::with_heartbeats("kills-broker", options.spots, HEARTBEAT_SECONDS)?;
    let healed = rounds(&city, options, options.broker_rounds, &VICTIMS_ALL)?;
    let lost = Figure {
        name: "kills-lost",
        figure: kept.differ,
        unit: "spots and counters that differ from the ground after rounds of one reading to a spot, bridge, sensor service, NATS and Redis killed meanwhile",
        yardstick: "the simulation's own ground",
        ask: format!(
            "= 0 of {} readings, each the only one of its spot",
            options.spots * options.rounds
        ),
        holds: kept.holds(options, options.rounds, &VICTIMS),
    };
    let bound = f64::from(HEARTBEAT_SECONDS) + SETTLED_SECONDS;
    let heartbeat = Figure {
        name: "kills-broker",
        figure: healed.known_seconds,
        unit: "s from the last kill, mosquitto among them, until every spot and counter is exact",
        yardstick: "the simulation's own ground",
        ask: format!("≤ {bound}: a heartbeat of {HEARTBEAT_SECONDS} s, and settling"),
        holds: healed.holds(options, options.broker_rounds, &VICTIMS_ALL)
            && healed.known_seconds <= bound,
    };
    let (lost, heartbeat) = (lost.tell()?, heartbeat.tell()?);
    Ok(lost && heartbeat)
}

/// What came of some rounds.
#[derive(Debug, Default)]
struct Outcome {
    spots: f64,
    differ: f64,
    known_seconds: f64,
    kills: usize,
}

impl Outcome {
    fn holds(&self, options: &Kills, rounds: u32, victims: &[&str]) -> bool {
        let compared = self.spots == f64::from(options.spots) * f64::from(rounds);
        compared && self.differ == 0.0 && self.kills >= victims.len()
    }
}

fn rounds(city: &City, options: &Kills, rounds: u32, victims: &[&str]) -> Result<Outcome, Failure> {
    let mut all = Outcome::default();
    for round in 0..rounds {
        let one = one_round(city, options.spots, round, victims, all.kills)?;
        println!(
            "  round {}: {} spots, {} differ, known {} s after quiet; {} kills",
            round + 1,
            one.spots,
            one.differ,
            one.known_seconds,
            one.kills
        );
        all.spots += one.spots;
        all.differ += one.differ;
        all.known_seconds = all.known_seconds.max(one.known_seconds);
        all.kills += one.kills;
    }
    Ok(all)
}

/// All cars come, or all go, and the first victim is the one whose turn it is.
fn one_round(
    city: &City,
    spots: u32,
    round: u32,
    victims: &[&str],
    turn: usize,
) -> Result<Outcome, Failure> {
    let occupancy = if round.is_multiple_of(2) { "1" } else { "0" };
    let report = city.file("kills.json");
    // Nobody leaves in a stay of two years.
    let stays = ["--occupancy", occupancy, "--stay-minutes", "1000000"];
    let mut simulation = city
        .simulation(spots, &stays)?
        .args(["--minutes", ROUND_MINUTES, "--check", "--wait-minutes", "3", "--json"])
        .arg(&report)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(simulation.stdout.take().ok_or("no output")?);
    until(&mut lines, BEGINS)?;
    let rests = Arc::new(AtomicBool::new(false));
    let listener = Arc::clone(&rests);
    let listens = std::thread::spawn(move || {
        let heard = until(&mut lines, RESTS);
        listener.store(true, Ordering::Relaxed);
        // What is not read would hold the simulation up.
        heard.and_then(|()| Ok(std::io::copy(&mut lines, &mut std::io::sink())?))
    });
    let kills = crate::runtime()?.block_on(kill_in_turn(city, victims, turn, &rests))?;
    let ended = simulation.wait()?;
    let _rest = listens.join().map_err(|_panic| "the listener died")??;
    let text = std::fs::read_to_string(&report)
        .map_err(|error| format!("the simulation ended with {ended} and no report: {error}"))?;
    let report: Value = serde_json::from_str(&text)?;
    let number = |name: &str| report[name].as_f64().unwrap_or(f64::NAN);
    let wanted = if occupancy == "1" { number("occupied") } else { number("vacant") };
    Ok(Outcome {
        spots: wanted,
        differ: number("spots_differ") + number("picture_differs"),
        known_seconds: number("known_after_seconds"),
        kills,
    })
}

async fn kill_in_turn(
    city: &City,
    victims: &[&str],
    turn: usize,
    rests: &AtomicBool,
) -> Result<usize, Failure> {
    let mut kills = 0;
    while !rests.load(Ordering::Relaxed) {
        let at = turn + kills;
        city.kill(victims[at % victims.len()]).await?;
        kills += 1;
        crate::pause(Duration::from_millis(PAUSES_MS[at % PAUSES_MS.len()])).await;
    }
    Ok(kills)
}

/// Reads until a line says this.
fn until(lines: &mut BufReader<ChildStdout>, what: &str) -> Result<(), Failure> {
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if line.contains(what) {
            return Ok(());
        }
        line.clear();
    }
    Err(format!("the simulation ended before it said: {what}").into())
}
