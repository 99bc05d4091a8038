//! Proofs at full size, and measurements with their yardstick beside them. `cargo xtask prove help` lists them;
//! docs/proof.md says which figure comes from which.

mod melbourne;
mod proof;
mod race;
mod start;
mod tariffs;
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
    /// Prices in every zone whose clocks change, every minute around both changes of a year, against Python's clocks.
    Tariffs,
    /// How long everything takes to be ready from a built binary with warm data, and how much memory it holds.
    Start,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().what {
        What::Prove(Proof::Race) => race::prove(),
        What::Prove(Proof::Melbourne { first, second }) => melbourne::prove(&first, &second),
        What::Prove(Proof::Start) => start::prove(),
        What::Prove(Proof::Tariffs) => tariffs::prove(),
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
