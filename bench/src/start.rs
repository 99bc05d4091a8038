//! From a built binary with warm data to ready, and what all services together hold in memory then.

use std::path::Path;
use std::time::Duration;

use crate::Failure;
use crate::memory::resident_megabytes;
use crate::proof::Figure;
use crate::up::{self, Up};

const READY_SECONDS_MAX: f64 = 3.0;
const MEMORY_MB_MAX: f64 = 150.0;
/// Before memory is looked at: what only the start needed has been given back by then.
const IDLE: Duration = Duration::from_secs(5);

/// Starts twice; the second start counts.
pub fn prove() -> Result<bool, Failure> {
    let (binary, home) = (up::binary()?, up::home("start")?);
    drop(Up::start(&binary, &home, &[])?);
    let warm = Up::start(&binary, &home, &[])?;
    let seconds = warm.ready_after.as_secs_f64();
    std::thread::sleep(IDLE);
    let megabytes = memory_of_roles(&home.join("run"))?;
    drop(warm);
    let ready = Figure {
        name: "start-ready",
        figure: seconds,
        unit: "s from the start of `parkmesh up` to ready, servers included, warm data",
        yardstick: "none",
        ask: format!("< {READY_SECONDS_MAX}"),
        holds: seconds < READY_SECONDS_MAX,
    };
    let memory = Figure {
        name: "start-memory",
        figure: megabytes,
        unit: "MB resident, all roles together, idle",
        yardstick: "none",
        ask: format!("< {MEMORY_MB_MAX}"),
        holds: megabytes < MEMORY_MB_MAX,
    };
    let (ready, memory) = (ready.tell()?, memory.tell()?);
    Ok(ready && memory)
}

/// Resident memory of the processes whose ids stand in this folder; the servers' are not ours to count.
fn memory_of_roles(run_dir: &Path) -> Result<f64, Failure> {
    let servers = ["postgres", "redis", "nats", "mosquitto"];
    let mut megabytes = 0.0;
    for entry in std::fs::read_dir(run_dir)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let is_pid = path.extension().is_some_and(|extension| extension == "pid");
        if is_pid && !servers.contains(&name) {
            let pid = std::fs::read_to_string(&path)?;
            megabytes += resident_megabytes(pid.trim().parse()?)?;
        }
    }
    Ok(megabytes)
}
