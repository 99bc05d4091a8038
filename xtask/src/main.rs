//! The one front door for people who work on Parkmesh: `cargo xtask up | test | lint | servers | prove | bench`.

mod app;
mod browser;
mod buf;
mod lint;
mod node;
mod npm;
mod run;
mod testing;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::run::Failure;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "Work on Parkmesh. Needs Rust; everything else is found on the machine or fetched into .parkmesh/",
    after_help = "Start here:  cargo xtask up     Before you commit:  cargo xtask lint && cargo xtask test"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build and run everything on this machine: servers, all roles, a demo mall. Ctrl-C ends it.
    Up {
        /// Passed on to `parkmesh up`; `cargo xtask up -- --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the tests against private, throw-away servers.
    #[command(
        after_help = "Examples:\n  cargo xtask test\n  cargo xtask test -p parkmesh-booking\n  \
                            cargo xtask test second_driver -- --nocapture"
    )]
    Test {
        /// Passed on to `cargo test`; without -p the whole workspace is tested.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check the format, clippy, the dependencies and the protos.
    Lint {
        /// The commit whose protos ours must not break; default: the last one (the one before it, when
        /// the protos are as committed).
        #[arg(long)]
        against: Option<String>,
    },
    /// Start the servers that tests need, print their addresses and wait for Ctrl-C.
    #[command(
        after_help = "Then, in another shell: paste the printed lines, and run plain `cargo test`."
    )]
    Servers,
    /// Run a proof at the full size that was asked for; writes target/proof/<name>.json.
    Prove {
        /// Which; `cargo xtask prove help` lists them, and `app` plays all stories of the web app in a browser,
        /// or those of a file: `prove app driver.troubles 'card that is declined'`.
        name: String,
        /// Passed on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure, with the yardstick beside it in the same run.
    Bench {
        /// Which; `cargo xtask bench help` lists them.
        name: String,
        /// Passed on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Up { args } => up(&args),
        Task::Test { args } => testing::test(&args),
        Task::Lint { against } => lint::lint(against.as_deref()),
        Task::Servers => testing::servers(),
        Task::Prove { name, args } if name == "app" => testing::prove_app(&args),
        Task::Prove { name, args } => measure("prove", &name, &args),
        Task::Bench { name, args } => measure("bench", &name, &args),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        ExitCode::FAILURE
    })
}

fn up(args: &[String]) -> Result<ExitCode, Failure> {
    // Everything but the app's pages runs without them.
    if let Err(failure) = app::build() {
        eprintln!("== the web app is not built, and left out: {failure}");
    }
    let binary = run::build(&["--package", "parkmesh"])?;
    run::become_program(std::process::Command::new(binary).arg("up").args(args))
}

/// Optimised as a deployment is: figures of a debug build would be worth nothing.
fn measure(what: &str, name: &str, args: &[String]) -> Result<ExitCode, Failure> {
    // Both in one build: what is measured lies beside what measures it, and nothing is compiled twice.
    let dist = ["--profile", "dist", "--package", "parkmesh", "--package", "parkmesh-bench"];
    let binary = run::build(&[&dist[..], &["--bin", "parkmesh-bench"]].concat())?;
    let mut bench = std::process::Command::new(binary.with_file_name("parkmesh-bench"));
    run::forget_package(&mut bench);
    run::become_program(bench.arg(what).arg(name).args(args))
}
