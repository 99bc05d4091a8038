//! Settings of the sandbox.

use std::time::Duration;

use parkmesh_platform::config::Reader;

/// Settings of the sandbox.
#[derive(Clone, Debug)]
pub struct Config {
    /// How late a late answer comes; longer than any caller waits.
    pub late_answer: Duration,
    /// How long a stop waits for calls in flight.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { late_answer: Duration::from_secs(60), drain: Duration::from_secs(5) }
    }
}

impl Config {
    /// Reads `PARKMESH_SANDBOX_LATE_ANSWER_SECONDS`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let seconds = reader.get("SANDBOX_LATE_ANSWER_SECONDS", default.late_answer.as_secs());
        Self { late_answer: Duration::from_secs(seconds), ..default }
    }
}
