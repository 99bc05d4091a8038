//! Keeps the processes of `up` alive: starts them, starts them again when they die, ends them in peace.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::tasks::Tasks;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Failure;
use crate::serve::EXIT_WITH_PARENT;

/// First wait before a process is started again; doubles up to [`RESTART_MAX`].
const RESTART_MIN: Duration = Duration::from_millis(100);
/// Longest wait before a process is started again.
const RESTART_MAX: Duration = Duration::from_secs(5);
/// A process that lived this long starts with the shortest wait again.
const LIVED_WELL: Duration = Duration::from_secs(10);
/// How long a process may take to drain before it is killed.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// A process to be kept alive.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name, also of its log and pid file.
    pub name: String,
    /// Arguments of this same binary.
    pub args: Vec<String>,
    /// Its settings.
    pub env: Vec<(String, String)>,
}

/// Starts a part and keeps it alive until `tasks` stops; the handle ends when the part has drained.
pub fn keep_alive(part: Part, run_dir: &Path, tasks: &Tasks) -> JoinHandle<()> {
    let (run_dir, waits) = (run_dir.to_owned(), tasks.clone());
    tasks.detached(async move {
        let mut wait = RESTART_MIN;
        while !waits.token().is_cancelled() {
            let started = std::time::Instant::now();
            match start(&part, &run_dir) {
                Ok(child) => live(&part, child, &waits).await,
                Err(error) => eprintln!("  {} does not start: {error}", part.name),
            }
            if started.elapsed() > LIVED_WELL {
                wait = RESTART_MIN;
            }
            let _stopped = waits.token().run_until_cancelled(waits.sleep(wait)).await;
            wait = (wait * 2).min(RESTART_MAX);
        }
        let _gone = std::fs::remove_file(pid_file(&run_dir, &part.name));
    })
}

/// Where the process id of a part stands while it runs.
pub fn pid_file(run_dir: &Path, name: &str) -> PathBuf {
    run_dir.join(format!("{name}.pid"))
}

fn start(part: &Part, run_dir: &Path) -> Result<Child, Failure> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(run_dir.join(format!("{}.log", part.name)))?;
    let child = Command::new(std::env::current_exe()?)
        .args(&part.args)
        .envs(part.env.iter().cloned())
        .env(EXIT_WITH_PARENT, "true")
        // Held open for as long as we live: see EXIT_WITH_PARENT.
        .stdin(Stdio::piped())
        .stdout(Stdio::from(log.try_clone()?))
        .stderr(Stdio::from(log))
        // Ctrl-C at the terminal is for `up`, which ends the parts in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(pid) = child.id() {
        std::fs::write(pid_file(run_dir, &part.name), pid.to_string())?;
    }
    Ok(child)
}

/// Waits until the process dies or must end.
async fn live(part: &Part, mut child: Child, tasks: &Tasks) {
    let token = tasks.token();
    // `wait` would close it, and the part takes that for our end.
    let _held_open = child.stdin.take();
    tokio::select! {
        exit = child.wait() => {
            let exit = exit.map_or_else(|error| error.to_string(), |status| status.to_string());
            if !token.is_cancelled() {
                eprintln!("  {} ended ({exit}); starting it again", part.name);
            }
            return;
        }
        () = token.cancelled() => {}
    }
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if timeout(DRAIN_MAX, child.wait()).await.is_err() {
        eprintln!("  {} did not drain in time and is killed", part.name);
        let _gone = child.kill().await;
    }
}
