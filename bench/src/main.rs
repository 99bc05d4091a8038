//! Proofs at full size, and measurements with their yardstick beside them. `cargo xtask prove help` lists them;
//! docs/proof.md says which figure comes from which.

mod abuse;
mod alone;
mod calls;
mod chance;
mod city;
mod cpu;
mod decoders;
mod differential;
mod forecast;
mod gate;
mod gates;
mod http2;
mod kills;
mod lab;
mod melbourne;
mod memory;
mod messages;
mod overload;
mod poison;
mod proof;
mod pulse;
mod race;
mod readings;
mod reads;
mod redis;
mod reserve;
mod search;
mod simulator;
mod start;
mod tariffs;
mod torture;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(name = "parkmesh-bench", about = "Proofs and measurements of Parkmesh")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run a proof at its full size; writes target/proof/<name>.json.
    #[command(subcommand)]
    Prove(Proof),
    /// Measure, with the yardstick beside it in the same run.
    #[command(subcommand)]
    Bench(Bench),
    /// What `prove abuse` starts: an attacker.
    #[command(hide = true)]
    Attack(abuse::AttackOptions),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The ways that the field proposes to hand out a scarce place, side by side, and ours.
    Lab(lab::Lab),
    /// Reservations through gRPC, with everything on, beside the best ways of the lab with the same rows.
    Reserve(reserve::Reserve),
}

#[derive(Debug, Subcommand)]
enum Proof {
    /// 200 drivers reserve the same spot at once, a hundred times over.
    Race,
    /// Two snapshots of Melbourne's bays through MQTT to the picture, and how long that takes.
    Melbourne {
        /// The first snapshot, CSV.
        first: PathBuf,
        /// The second snapshot, CSV.
        second: PathBuf,
    },
    /// A simulated city of 10,000 spots on a bad day: in the end the product knows what stands where.
    Simulator(simulator::Simulator),
    /// Readings a second from the bridge's stream to the durable acknowledgement, beside direct UNNEST upserts.
    Readings(readings::Readings),
    /// GetAvailability beside a bare tonic echo with the same answer, and its p99 at half load.
    Reads(reads::Reads),
    /// A thousand changes a second over MQTT, and how long each takes to a client that watches.
    Pulse(pulse::Pulse),
    /// Redis flushed, killed and given an image of before under load: availability rebuilds, and nobody is told wrong.
    Redis(redis::Rounds),
    /// Bridge, sensor service, NATS, Redis and mosquitto killed while every spot's sensor speaks once: nothing that was said is lost.
    Kills(kills::Kills),
    /// Prices in every zone whose clocks change, every minute around both changes of a year, against Python's clocks.
    Tariffs,
    /// Nine attacks on the gateway, each while somebody else calls well: what that client and the gateway's memory feel of it.
    Abuse(abuse::Abuse),
    /// Ten million mutated frames and messages for every decoder of the sensor bridge.
    Decoders,
    /// Generated requests to our gateway and to Envoy 1.40 before the same upstream: nothing differs without a reason.
    Differential(differential::Differential),
    /// What a call costs at our gateway beside Envoy: processor time, p99, memory.
    Gate(gate::GateOptions),
    /// Ten times as many calls as a service can do: what it still does, whether what matters gets through, how soon the others know.
    Overload(overload::Overload),
    /// 1,000 drivers at once on one free spot, two hundred times: one winner each, and quick refusals.
    Herd(reserve::crowd::Rounds),
    /// 1,000 drivers at once for the last 30 places, a hundred times: 30 winners each.
    Pool(reserve::crowd::Rounds),
    /// The service's reservations through gRPC against the best ways of the lab, in one run.
    Reserve(reserve::Reserve),
    /// Reservations among 5,000,000 bookings of 100,000 spots, beside an empty table with 500.
    Growth(reserve::growth::Growth),
    /// Bursts over two replicas: who is served when, and whether losers get what they are told instead.
    Fairness(reserve::fairness::Fairness),
    /// Forecasts of occupancy against the average of previous weeks, on weeks of Birmingham that were held out.
    Forecast {
        /// The recording, CSV: car park, capacity, occupancy, local time.
        recording: PathBuf,
    },
    /// Any window among 100,000 spots, 90 days and 5,000,000 bookings, inside availability: how long it takes, and what the index holds.
    Search(search::Size),
    /// Messages while NATS and notification are killed and the mail server is down: each once in the app, by webhook under one id,
    /// and in the mailbox.
    Messages(messages::Messages),
    /// Facts that nobody can understand among others: each is a dead letter soon, the others go on, and what is repaired is replayed.
    Poison(poison::Poison),
    /// How long everything takes to be ready from a built binary with warm data, and how much memory it holds.
    Start,
    /// A random history of many clients under faults, judged: nothing double, oversold, lost or refused without a cause.
    History {
        /// Calls.
        #[arg(long, default_value_t = torture::HISTORY)]
        size: u64,
        /// Cut the power of Postgres and NATS too; needs root and loop devices.
        #[arg(long)]
        power_cuts: bool,
        /// Keep the run in this folder: ended by Ctrl-C or SIGTERM, the same command goes on with it.
        #[arg(long, value_name = "FOLDER", conflicts_with = "power_cuts")]
        keep: Option<PathBuf>,
    },
    /// Confirmations that race the end of their hold, the clockwork stopped.
    ConfirmRace {
        /// Trials.
        #[arg(long, default_value_t = torture::CONFIRM_RACE)]
        size: u64,
    },
    /// Payment and booking die at every named point of setting money aside, taking it and giving it back.
    Failpoints {
        /// Deaths at each point.
        #[arg(long, default_value_t = torture::FAILPOINTS)]
        size: u64,
    },
    /// A crowd that pays, repeats itself and takes back while the provider fails; judged by the provider's own ledger.
    Payments {
        /// Operations.
        #[arg(long, default_value_t = torture::PAYMENTS)]
        size: u64,
    },
    /// Exits of a hundred stays that are told again and again, in any order: each is captured once.
    Exits {
        /// Facts.
        #[arg(long, default_value_t = torture::EXITS)]
        size: u64,
    },
    /// Calls that are given up at random instants.
    Cancels {
        /// Calls.
        #[arg(long, default_value_t = torture::CANCELS)]
        size: u64,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().what {
        What::Prove(Proof::Race) => race::prove(),
        What::Prove(Proof::Melbourne { first, second }) => melbourne::prove(&first, &second),
        What::Prove(Proof::Forecast { recording }) => forecast::prove(&recording),
        What::Prove(Proof::Search(size)) => search::prove(&size),
        What::Prove(Proof::Simulator(options)) => simulator::prove(&options),
        What::Prove(Proof::Readings(options)) => readings::prove(&options),
        What::Prove(Proof::Reads(options)) => reads::prove(&options),
        What::Prove(Proof::Pulse(options)) => pulse::prove(&options),
        What::Prove(Proof::Redis(rounds)) => redis::prove(&rounds),
        What::Prove(Proof::Kills(kills)) => kills::prove(&kills),
        What::Prove(Proof::Messages(options)) => messages::prove(&options),
        What::Prove(Proof::Poison(options)) => poison::prove(&options),
        What::Prove(Proof::Start) => start::prove(),
        What::Prove(Proof::Tariffs) => tariffs::prove(),
        What::Prove(Proof::Abuse(options)) => abuse::prove(&options),
        What::Attack(options) => abuse::attack(&options),
        What::Prove(Proof::Decoders) => decoders::prove(),
        What::Prove(Proof::Differential(options)) => differential::prove(&options),
        What::Prove(Proof::Gate(options)) => gate::prove(&options),
        What::Prove(Proof::Overload(options)) => overload::prove(&options),
        What::Prove(Proof::Herd(rounds)) => reserve::crowd::herd(&rounds),
        What::Prove(Proof::Pool(rounds)) => reserve::crowd::pool(&rounds),
        What::Prove(Proof::Reserve(options)) => reserve::run(&options, true),
        What::Prove(Proof::Growth(options)) => reserve::growth::prove(&options),
        What::Prove(Proof::Fairness(options)) => reserve::fairness::prove(&options),
        What::Bench(Bench::Reserve(options)) => reserve::run(&options, false),
        What::Bench(Bench::Lab(options)) => lab::run(&options),
        What::Prove(Proof::History { size, power_cuts, keep }) => {
            torture::history(size, power_cuts, keep.as_deref())
        }
        What::Prove(Proof::ConfirmRace { size }) => torture::confirm_race(size),
        What::Prove(Proof::Failpoints { size }) => torture::failpoints(size),
        What::Prove(Proof::Payments { size }) => torture::payments(size),
        What::Prove(Proof::Exits { size }) => torture::exits(size),
        What::Prove(Proof::Cancels { size }) => torture::cancels(size),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Where clients that ask at once run: they share the machine with what they measure.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Lets some time pass: a payment provider's, in the lab.
#[expect(clippy::disallowed_methods, reason = "what is measured is waiting itself")]
async fn pause(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}
