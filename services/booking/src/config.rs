//! The settings of this service, with their defaults.

use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

/// How booking runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// Whether this process looks after deadlines. Any number may; one must.
    pub clockwork: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { serve: ServeConfig::default(), clockwork: true }
    }
}

impl Config {
    /// Reads `PARKMESH_*`; mistakes stay with the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let clockwork = Self::default().clockwork;
        Self { serve: ServeConfig::read(reader), clockwork: reader.get("CLOCKWORK", clockwork) }
    }
}
