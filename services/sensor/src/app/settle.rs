//! What happens by itself: pending changes settle, sensors fall silent, the quarantine is kept
//! short.

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

/// Which clockwork.
#[derive(Clone, Copy)]
enum Work {
    Settle,
    Silence,
}

impl App {
    /// Lets every pending change count that has stood long enough. If those are fewer than
    /// [`super::due::Due`] was told of, somebody else has them, and it is told when the next one is due.
    ///
    /// # Errors
    /// The store's; what was committed before stays.
    pub async fn settle_due(&self, now: Timestamp) -> Result<(), Error> {
        let told = self.due.take(now);
        let mut found = 0;
        loop {
            let looked = self.work(Work::Settle, now).await?;
            found += looked;
            if looked < ROWS_MAX {
                break;
            }
        }
        // Nobody may have told what another process wrote.
        if found < told.max(1) {
            self.due.tell(ground::next_due(&self.pool).await?);
        }
        Ok(())
    }

    /// Finds the sensors that have fallen silent.
    ///
    /// # Errors
    /// The store's; what was committed before stays.
    pub async fn find_silent(&self, now: Timestamp) -> Result<(), Error> {
        while self.work(Work::Silence, now).await? == ROWS_MAX {}
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
    async fn work(&self, work: Work, now: Timestamp) -> Result<usize, Error> {
        let app = self.clone();
        let (looked, told) = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                let mut sensors = match work {
                    Work::Settle => ground::lock_due(connection, now, ROWS_MAX).await?,
                    Work::Silence => ground::lock_quiet(connection, now, ROWS_MAX).await?,
                };
                let mut told = Vec::new();
                for sensor in &mut sensors {
                    let rules = sensor.rules(&app.models);
                    let changed = match work {
                        Work::Settle => sensor.ground.settle(now),
                        Work::Silence => sensor.ground.look(&rules, now),
                    };
                    told.extend(changed.map(|changed| Told::of(sensor, changed)));
                }
                let all: Vec<&Sensor> = sensors.iter().collect();
                write_with_facts(connection, &app, &all, &told).await?;
                Ok::<_, Error>((sensors.len(), told.len()))
            })
        })
        .await?;
        if told > 0 {
            self.relay.wake();
        }
        Ok(looked)
    }
}
