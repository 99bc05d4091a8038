//! The settings of this service, with their defaults.

use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

/// How booking runs.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
}

impl Config {
    /// Reads `PARKMESH_*`; mistakes stay with the reader.
    pub fn read(reader: &mut Reader) -> Self {
        Self { serve: ServeConfig::read(reader) }
    }
}
