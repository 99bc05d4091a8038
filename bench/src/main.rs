//! Proofs at full size, and measurements with their yardstick beside them. `cargo xtask prove help` lists them;
//! docs/proof.md says which figure comes from which.

mod melbourne;
mod proof;
mod race;
mod start;
mod torture;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

type Failure = Box<dyn std::error::Error>;

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
    /// How long everything takes to be ready from a built binary with warm data, and how much memory it holds.
    Start,
    /// A random history of many clients under faults, judged: nothing double, oversold, lost or refused without a cause.
    History {
        /// Calls.
        #[arg(long, default_value_t = torture::HISTORY)]
        size: u64,
    },
    /// Confirmations that race the end of their hold, the clockwork stopped.
    ConfirmRace {
        /// Trials.
        #[arg(long, default_value_t = torture::CONFIRM_RACE)]
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
        What::Prove(Proof::Start) => start::prove(),
        What::Prove(Proof::History { size }) => torture::history(size),
        What::Prove(Proof::ConfirmRace { size }) => torture::confirm_race(size),
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
