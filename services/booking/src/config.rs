//! The settings of this service, with their defaults.

use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

use crate::app::booking::watch::WatchLimits;

/// How booking runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// Whether this process looks after deadlines. Any number may; one must.
    pub clockwork: bool,
    /// How watches run.
    pub watch: WatchLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self { serve: ServeConfig::default(), clockwork: true, watch: WatchLimits::default() }
    }
}

impl Config {
    /// Reads `PARKMESH_*`; mistakes stay with the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let Self { clockwork, watch, .. } = Self::default();
        Self {
            serve: ServeConfig::read(reader),
            clockwork: reader.get("CLOCKWORK", clockwork),
            watch,
        }
    }
}
