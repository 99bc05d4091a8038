//! The settings of this service, with their defaults.

use parkmesh_contracts::plate::PlateKey;
use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::{ServeConfig, WatchLimits};

/// How booking runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// Whether this process looks after deadlines. Any number may; one must.
    pub clockwork: bool,
    /// Groups of holds that are written at the same time.
    pub reserve_writers: usize,
    /// How watches run.
    pub watch: WatchLimits,
    /// What marks of plates are made with: the same as sensor's.
    pub plate_key: PlateKey,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            clockwork: true,
            reserve_writers: 2,
            watch: WatchLimits::default(),
            plate_key: PlateKey::default(),
        }
    }
}

impl Config {
    /// Reads `PARKMESH_*`; mistakes stay with the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let Self { clockwork, reserve_writers, watch, .. } = Self::default();
        let reserve_writers = reader.get("RESERVE_WRITERS", reserve_writers);
        if !(1..=64).contains(&reserve_writers) {
            reader.mistake("PARKMESH_RESERVE_WRITERS must be between 1 and 64");
        }
        Self {
            serve: ServeConfig::read(reader),
            reserve_writers,
            clockwork: reader.get("CLOCKWORK", clockwork),
            watch,
            plate_key: reader.get("PLATE_KEY", PlateKey::default()),
        }
    }
}
