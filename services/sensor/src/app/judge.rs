//! How far sensors can be believed, by what others say of their spots and by their neighbours.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use parkmesh_platform::postgres::transaction;
use uuid::Uuid;

use super::App;
use crate::domain::agreement::{Agreement, usual};
use crate::domain::ground::State;
use crate::domain::sensor::Sensor;
use crate::error::Error;
use crate::store::{agreement, discrepancy};

/// Statements that one transaction looks at.
const STATEMENTS_MAX: i64 = 500;
/// How often the changes of a floor are looked at.
const LOOK_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Floors that are looked at in one tick; the next goes on.
const FLOORS_MAX: usize = 20;

impl App {
    /// Compares sensors with what others have said of their spots a while ago, and with their neighbours. One
    /// process at a time.
    ///
    /// # Errors
    /// The store's; what was committed before stays.
    pub async fn judge(&self, now: Timestamp) -> Result<(), Error> {
        while self.judge_by_books(now).await? == STATEMENTS_MAX {}
        for _floor in 0..FLOORS_MAX {
            if !self.judge_a_floor(now).await? {
                break;
            }
        }
        Ok(())
    }

    async fn judge_by_books(&self, now: Timestamp) -> Result<i64, Error> {
        let (looked, agreed, differed) = transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if !discrepancy::lock(connection).await? {
                    return Ok((0, 0, 0));
                }
                let said = agreement::take_due(connection, now, STATEMENTS_MAX).await?;
                let looked = i64::try_from(said.len()).unwrap_or(i64::MAX);
                let sensors: Vec<Uuid> = said.iter().map(|one| one.sensor_id).collect();
                let mut known = agreement::of(&mut *connection, &sensors).await?;
                let (mut agreed, mut differed) = (0, 0);
                // A sensor that does not know has said nothing.
                for one in said.iter().filter(|one| one.ground != State::Unknown) {
                    let agrees = (one.ground == State::Occupied) == one.in_session;
                    *(if agrees { &mut agreed } else { &mut differed }) += 1;
                    known.entry(one.sensor_id).or_default().judged(agrees);
                }
                agreement::write(connection, &known).await?;
                Ok::<_, Error>((looked, agreed, differed))
            })
        })
        .await?;
        self.metrics.judged(agreed, differed);
        Ok(looked)
    }

    /// False: there is none whose time has come.
    async fn judge_a_floor(&self, now: Timestamp) -> Result<bool, Error> {
        let Some(floor_id) = agreement::find_floor(&self.pool, now, LOOK_EVERY).await? else {
            return Ok(false);
        };
        transaction(&self.pool, move |connection| {
            Box::pin(async move {
                if !discrepancy::lock(connection).await? {
                    return Ok(false);
                }
                let sensors = agreement::of_floor(connection, floor_id).await?;
                let mut known: HashMap<Uuid, Agreement> = HashMap::new();
                for (sensor_id, version, mut one) in sensors {
                    one.looked(version, now);
                    known.insert(sensor_id, one);
                }
                let around = usual(known.values().filter_map(|one| one.changes_per_day).collect());
                known.values_mut().for_each(|one| one.neighbours_per_day = around);
                agreement::write(connection, &known).await?;
                Ok::<_, Error>(true)
            })
        })
        .await
    }

    /// How far each of the sensors agrees with others, in their order: percent, None while nothing is known.
    ///
    /// # Errors
    /// The store's.
    pub async fn agreement(&self, sensors: &[Sensor]) -> Result<Vec<Option<i32>>, Error> {
        let ids: Vec<Uuid> = sensors.iter().map(|sensor| sensor.sensor_id.as_uuid()).collect();
        let known = agreement::of(&self.pool, &ids).await?;
        Ok(ids.iter().map(|id| known.get(id).and_then(Agreement::percent)).collect())
    }
}
