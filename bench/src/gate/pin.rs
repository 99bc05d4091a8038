//! The gateway on one processor, load and upstream on the other: neither takes time from the other.

use std::process::Command;

use crate::Failure;

/// Which processor.
const OF_GATE: &str = "0";
const OF_LOAD: &str = "1";

/// This process.
pub fn ourselves() -> Result<(), Failure> {
    to(std::process::id(), OF_LOAD)
}

/// A gateway.
pub fn gate(pid: u32) -> Result<(), Failure> {
    to(pid, OF_GATE)
}

/// By the machine's own tool (util-linux).
fn to(pid: u32, processor: &str) -> Result<(), Failure> {
    let mut taskset = Command::new("taskset");
    let pinned = taskset.args(["-a", "-p", "-c", processor]).arg(pid.to_string()).output()?;
    match pinned.status.success() {
        true => Ok(()),
        false => Err(format!("taskset: {}", String::from_utf8_lossy(&pinned.stderr)).into()),
    }
}
