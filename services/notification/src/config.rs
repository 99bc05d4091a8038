//! Settings of notification.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

/// Settings of notification.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// A watch without news says that it lives this often.
    pub heartbeat: Duration,
    /// How long a watch lives.
    pub watch_life: Duration,
    /// How often a process looks for news that another process wrote, for all its watches at once.
    pub look_period: Duration,
    /// How long messages are kept.
    pub keep: SignedDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            heartbeat: Duration::from_secs(15),
            watch_life: Duration::from_secs(15 * 60),
            look_period: Duration::from_secs(1),
            keep: SignedDuration::from_hours(90 * 24),
        }
    }
}

impl Config {
    /// Reads `PARKMESH_NOTIFICATION_KEEP_DAYS` and what [`ServeConfig`] reads.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let keep_days: u32 = reader.get("NOTIFICATION_KEEP_DAYS", 90);
        if !(1..=3_650).contains(&keep_days) {
            reader.mistake("PARKMESH_NOTIFICATION_KEEP_DAYS must be between 1 and 3650");
        }
        Self {
            serve: ServeConfig::read(reader),
            keep: SignedDuration::from_hours(i64::from(keep_days) * 24),
            ..default
        }
    }
}
