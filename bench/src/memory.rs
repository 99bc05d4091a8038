//! What processes hold in memory, as /proc tells.

use crate::Failure;

/// Resident memory of a process.
pub fn resident_megabytes(pid: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.split_whitespace().next());
    Ok(kilobytes.unwrap_or("0").parse::<f64>()? / 1_024.0)
}
