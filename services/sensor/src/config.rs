//! The settings of this service, with their defaults.

use std::time::Duration;

use jiff::SignedDuration;
use parkmesh_contracts::plate::PlateKey;
use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::{ServeConfig, WatchLimits};

use crate::domain::model::Settle;

/// How sensor runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// How long changes must stand, instead of what each model needs: tests and replays of clean
    /// data.
    pub settle: Option<SettleMs>,
    /// How long after the start nobody is called silent: first what was said while we were away must
    /// come in.
    pub silence_grace: Duration,
    /// How watches run.
    pub watch: WatchLimits,
    /// What marks of plates are made with: the same as booking's.
    pub plate_key: PlateKey,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            settle: None,
            silence_grace: Duration::from_secs(10),
            watch: WatchLimits::default(),
            plate_key: PlateKey::default(),
        }
    }
}

/// Settle times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettleMs {
    /// Before a spot counts as occupied.
    pub occupied: u32,
    /// Before a spot counts as vacant.
    pub vacant: u32,
}

impl From<SettleMs> for Settle {
    fn from(settle: SettleMs) -> Self {
        Self {
            occupied: SignedDuration::from_millis(i64::from(settle.occupied)),
            vacant: SignedDuration::from_millis(i64::from(settle.vacant)),
        }
    }
}

impl Config {
    /// Reads `PARKMESH_GRPC_*`, `PARKMESH_SETTLE_OCCUPIED_MS` and `PARKMESH_SETTLE_VACANT_MS` (both
    /// or none), `PARKMESH_SILENCE_GRACE_SECONDS`, `PARKMESH_PLATE_KEY`; mistakes stay with the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let occupied = reader.find("SETTLE_OCCUPIED_MS");
        let vacant = reader.find("SETTLE_VACANT_MS");
        if occupied.is_some() != vacant.is_some() {
            reader
                .mistake("set PARKMESH_SETTLE_OCCUPIED_MS and PARKMESH_SETTLE_VACANT_MS together");
        }
        let settle = occupied.zip(vacant).map(|(occupied, vacant)| SettleMs { occupied, vacant });
        let grace = reader.get("SILENCE_GRACE_SECONDS", Self::default().silence_grace.as_secs());
        let silence_grace = Duration::from_secs(grace);
        Self {
            serve: ServeConfig::read(reader),
            settle,
            silence_grace,
            watch: WatchLimits::default(),
            plate_key: reader.get("PLATE_KEY", PlateKey::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settle_times_are_set_together_or_not_at_all() {
        let mut reader = Reader::of([("PARKMESH_SETTLE_OCCUPIED_MS", "0")]);
        let config = Config::read(&mut reader);
        assert_eq!(config.settle, None);
        assert!(reader.finish().is_err());
        let mut reader =
            Reader::of([("PARKMESH_SETTLE_OCCUPIED_MS", "0"), ("PARKMESH_SETTLE_VACANT_MS", "20")]);
        let config = Config::read(&mut reader);
        assert_eq!(config.settle, Some(SettleMs { occupied: 0, vacant: 20 }));
        assert_eq!(reader.finish(), Ok(()));
    }
}
