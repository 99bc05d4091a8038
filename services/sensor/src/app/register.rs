//! RegisterSensors: all or none.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use parkmesh_contracts::ids::LotId;
use parkmesh_eventbus::outbox::Row;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::{is_retryable, transaction};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{App, write_with_facts};
use crate::convert::NewSensor;
use crate::domain::ground::Ground;
use crate::domain::sensor::{Sensor, Told};
use crate::error::Error;
use crate::store::{quarantine, sensor};

/// Tries when two registrations meet.
const TRIES_MAX: usize = 5;
/// Most names that a refusal tells.
const NAMED_MAX: usize = 10;

impl App {
    /// Registers devices of one lot. Returns the sensors as they stand, in the order asked.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::DeviceTaken`], [`Error::SpotTakenByDevice`], or the
    /// store's.
    pub async fn register(
        &self,
        caller: &Caller,
        lot_id: LotId,
        wanted: Vec<NewSensor>,
    ) -> Result<Vec<Sensor>, Error> {
        self.check_new_lot(caller, lot_id).await?;
        let mut tries = 1;
        loop {
            let (app, wanted) = (self.clone(), wanted.clone());
            let attempt = transaction(&self.pool, move |connection| {
                Box::pin(async move { register(connection, &app, lot_id, &wanted).await })
            });
            match attempt.await {
                Err(Error::Store(error)) if tries < TRIES_MAX && is_retryable(&error) => tries += 1,
                Err(error) => return Err(error),
                Ok((sensors, facts)) => {
                    self.relay.flash(&facts);
                    return Ok(sensors);
                }
            }
        }
    }
}

async fn register(
    connection: &mut PgConnection,
    app: &App,
    lot_id: LotId,
    wanted: &[NewSensor],
) -> Result<(Vec<Sensor>, Vec<Row>), Error> {
    let now = app.clock.now();
    let new: Vec<Sensor> = wanted.iter().map(|wanted| draft(app, lot_id, wanted, now)).collect();
    let inserted: HashSet<Uuid> =
        sensor::insert(connection, &new, now).await?.into_iter().collect();
    let names: Vec<String> = wanted.iter().map(|wanted| wanted.device_id.clone()).collect();
    let standing = sensor::of_devices(&mut *connection, &names).await?;
    let mut standing: HashMap<String, Sensor> =
        standing.into_iter().map(|sensor| (sensor.device_id.clone(), sensor)).collect();
    refuse_taken(lot_id, wanted, &standing)?;
    let (_, registered) = Ground::registered(now);
    let is_new = |sensor: &&Sensor| inserted.contains(&sensor.sensor_id.as_uuid());
    let told: Vec<Told> =
        new.iter().filter(is_new).map(|sensor| Told::of(sensor, registered)).collect();
    let facts = write_with_facts(connection, app, &[], &told).await?;
    quarantine::release(connection, &names).await?;
    Ok((names.iter().filter_map(|name| standing.remove(name)).collect(), facts))
}

fn draft(app: &App, lot_id: LotId, wanted: &NewSensor, now: Timestamp) -> Sensor {
    let (ground, _) = Ground::registered(now);
    Sensor {
        sensor_id: app.ids.next(),
        device_id: wanted.device_id.clone(),
        spot_id: wanted.spot_id,
        lot_id,
        floor_id: wanted.floor_id,
        model: wanted.model.name.to_owned(),
        firmware: wanted.firmware.clone(),
        heartbeat_seconds: wanted.heartbeat_seconds,
        ground,
    }
}

/// After the insert every device of the request stands in the table, unless its spot was taken.
fn refuse_taken(
    lot_id: LotId,
    wanted: &[NewSensor],
    standing: &HashMap<String, Sensor>,
) -> Result<(), Error> {
    let (mut devices, mut spots) = (Vec::new(), Vec::new());
    for wanted in wanted {
        match standing.get(&wanted.device_id) {
            Some(sensor) if sensor.spot_id == wanted.spot_id && sensor.lot_id == lot_id => {}
            Some(_) => devices.push(wanted.device_id.clone()),
            None => spots.push(wanted.spot_id.to_string()),
        }
    }
    devices.truncate(NAMED_MAX);
    spots.truncate(NAMED_MAX);
    match (devices.is_empty(), spots.is_empty()) {
        (true, true) => Ok(()),
        (false, _) => Err(Error::DeviceTaken(devices)),
        (true, false) => Err(Error::SpotTakenByDevice(spots)),
    }
}
