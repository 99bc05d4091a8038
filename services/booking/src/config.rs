//! The settings of this service, with their defaults.

use jiff::SignedDuration;
use parkmesh_contracts::plate::PlateKey;
use parkmesh_platform::config::Reader;
use parkmesh_platform::seal::Sealer;
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
    /// What plates are sealed with.
    pub sealer: Sealer,
    /// How long after its end a booking's plate is kept.
    pub plate_keep: SignedDuration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            clockwork: true,
            reserve_writers: 2,
            watch: WatchLimits::default(),
            plate_key: PlateKey::default(),
            sealer: Sealer::default(),
            plate_keep: SignedDuration::from_hours(30 * 24),
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
        let plate_keep_days: u32 = reader.get("PLATE_KEEP_DAYS", 30);
        if !(1..=3_650).contains(&plate_keep_days) {
            reader.mistake("PARKMESH_PLATE_KEEP_DAYS must be between 1 and 3650");
        }
        Self {
            serve: ServeConfig::read(reader),
            reserve_writers,
            clockwork: reader.get("CLOCKWORK", clockwork),
            watch,
            plate_key: reader.get("PLATE_KEY", PlateKey::default()),
            sealer: Sealer::read(reader),
            plate_keep: SignedDuration::from_hours(i64::from(plate_keep_days) * 24),
        }
    }
}
