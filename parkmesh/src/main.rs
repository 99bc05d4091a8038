//! The one binary of Parkmesh: every role, and the commands around them. `parkmesh --help` tells.

mod access;
mod broker;
mod certificates;
mod chance;
mod cli;
mod client;
mod dead_letters;
mod decode;
mod gateway;
mod migrate;
mod mqtt;
mod names;
mod registry;
mod replay;
mod seed;
mod serve;
mod simulate;
mod stop;
mod token;
mod torture;
mod up;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Every call makes and drops hundreds of small things; glibc spends more on that than the rules do on the call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Any error of a command: it is told once, here, with all that caused it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let _first = rustls::crypto::ring::default_provider().install_default();
    let outcome = match Cli::parse().command {
        Command::Up(options) => up::run(options),
        Command::Serve(options) => serve::run(&options),
        Command::Gateway(options) => gateway::run(&options),
        Command::Migrate(options) => migrate::run(&options),
        Command::Seed(options) => seed::run(options),
        Command::Token(options) => token::run(&options),
        Command::Access(options) => access::run(&options),
        Command::Broker(options) => broker::run(&options),
        Command::Certificates(options) => certificates::run(&options),
        Command::Simulate(options) => simulate::run(options),
        Command::Replay(options) => replay::run(options),
        Command::DeadLetters(options) => dead_letters::run(options),
        Command::Decode(options) => decode::run(&options),
        Command::Torture(options) => torture::run(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("parkmesh: {}", parkmesh_platform::fault::chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}
