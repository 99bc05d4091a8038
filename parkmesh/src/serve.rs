//! `parkmesh serve`: one role, or several, in this process, from the first setting to the last drained call.

mod own;
mod process;
mod roles;

use std::time::Duration;

use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::Running;
use parkmesh_platform::telemetry::{self, TelemetryConfig};
use tokio::io::AsyncReadExt;
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::cli::Serve;
use crate::names::Role;
use crate::stop::Stop;
use process::Process;

/// Set by `up`: the role stops when the process that holds its standard input is gone.
pub const EXIT_WITH_PARENT: &str = "PARKMESH_EXIT_WITH_PARENT";

/// How long work that does not end by itself is waited for at the very end.
const RUNTIME_END_MAX: Duration = Duration::from_secs(3);

/// Runs the roles until SIGTERM or SIGINT, then drains.
pub fn run(options: &Serve) -> Result<(), Failure> {
    let Some(first) = options.roles.first() else { return Err("no role was named".into()) };
    let mut reader = Reader::from_env().scoped(first.as_str());
    let config = TelemetryConfig::read(first.as_str(), &mut reader);
    let threads = reader.get("THREADS", threads_of(*first));
    reader.finish()?;
    let exporters = telemetry::init(&config)?;
    let runtime = runtime(threads)?;
    let outcome = runtime.block_on(serve(&options.roles));
    if let Err(error) = &outcome {
        let error = parkmesh_platform::fault::chain(error.as_ref());
        tracing::error!(error, "the process ends");
    }
    runtime.shutdown_timeout(RUNTIME_END_MAX);
    exporters.shutdown();
    outcome
}

/// Threads that a role has by itself; 0 is one for each processor.
///
/// One thread takes its tasks in their order. Several overtake one another, and each puts off what it has
/// beyond its 256th: of a burst of bookings the first would be served last, a hundred at a time. More
/// replicas make booking larger.
fn threads_of(role: Role) -> usize {
    if role == Role::Booking { 1 } else { 0 }
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        0 => Builder::new_multi_thread().enable_all().build(),
        1 => Builder::new_current_thread().enable_all().build(),
        threads => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }
}

async fn serve(roles: &[Role]) -> Result<(), Failure> {
    let process = Process::start(roles).await?;
    let mut running: Vec<(Role, Running)> = Vec::new();
    for role in roles {
        running.push((*role, roles::start(*role, &process).await?));
    }
    for (role, part) in &running {
        // A service says by itself when it serves: availability's picture may not stand yet.
        part.health().into_iter().for_each(|health| process.readiness.needs(health));
        tracing::info!(%role, addr = %part.addr, "started");
    }
    process.readiness.set(true);
    until_told_to_stop().await?;
    tracing::info!("stopping");
    process.readiness.set(false);
    for (_, part) in running.into_iter().rev() {
        part.stop().await;
    }
    process.stop().await;
    Ok(())
}

async fn until_told_to_stop() -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    tokio::select! {
        () = stop.told() => {}
        () = until_the_parent_is_gone() => {}
    }
    Ok(())
}

/// Ends when the process that started this one is gone, if [`EXIT_WITH_PARENT`] asks for that.
pub async fn until_the_parent_is_gone() {
    let mut reader = Reader::from_env();
    if !reader.get("EXIT_WITH_PARENT", false) {
        return std::future::pending().await;
    }
    let mut stdin = tokio::io::stdin();
    let mut byte = [0_u8; 64];
    while matches!(stdin.read(&mut byte).await, Ok(read) if read > 0) {}
}
