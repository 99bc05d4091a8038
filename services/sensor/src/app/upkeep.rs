//! What is looked at again and again: changes that nobody has settled, sensors that have fallen silent, the quarantine.

use jiff::Timestamp;
use parkmesh_platform::postgres::transaction;

use super::{App, write_with_facts};
use crate::domain::sensor::{Sensor, Told};
use crate::error::Error;
use crate::store::{ground, quarantine};

/// Sensors in one transaction at most.
const ROWS_MAX: usize = 500;
/// Devices in quarantine at most; the longest unheard go first.
const QUARANTINE_MAX: i64 = 10_000;

impl App {
    /// Tells the writer of all pending changes, or of those that should have settled by this time: what another process
    /// wrote and did not live to settle, and what could not be settled when it was due.
    ///
    /// # Errors
    /// The store's.
    pub async fn find_pending(&self, by: Option<Timestamp>) -> Result<(), Error> {
        self.due.tell(ground::pending(&self.pool, by).await?);
        Ok(())
    }

    /// Finds the sensors that have fallen silent.
    ///
    /// # Errors
    /// The store's; what was committed before stays.
    pub async fn find_silent(&self, now: Timestamp) -> Result<(), Error> {
        while self.look_for_silent(now).await? == ROWS_MAX {}
        Ok(())
    }

    /// Forgets the devices in quarantine that were heard longest ago, if there are too many.
    ///
    /// # Errors
    /// The store's.
    pub async fn trim_quarantine(&self) -> Result<(), Error> {
        let gone = quarantine::trim(&self.pool, QUARANTINE_MAX).await?;
        if gone > 0 {
            tracing::warn!(gone, "the quarantine was full; the oldest devices were forgotten");
        }
        Ok(())
    }

    /// One transaction. Says how many sensors it looked at.
    async fn look_for_silent(&self, now: Timestamp) -> Result<usize, Error> {
        let app = self.clone();
        let (looked, facts) = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let mut sensors = ground::lock_quiet(connection, now, ROWS_MAX).await?;
                let mut told = Vec::new();
                for sensor in &mut sensors {
                    let rules = sensor.rules(&app.models);
                    let changed = sensor.ground.look(&rules, now);
                    told.extend(changed.map(|changed| Told::of(sensor, changed)));
                }
                let all: Vec<&Sensor> = sensors.iter().collect();
                let facts = write_with_facts(connection, &app, &all, &told).await?;
                Ok::<_, Error>((sensors.len(), facts))
            })
        })
        .await?;
        self.relay.flash(&facts);
        Ok(looked)
    }
}
