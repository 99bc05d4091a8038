//! What becomes of a spot, as public facts: the one translator. This service listens to nobody.

use jiff::Timestamp;
use parkmesh_contracts::sensor::v1::{SensorRecovered, SensorSilent, SpotOccupied, SpotVacated};
use parkmesh_contracts::time::to_proto;
use parkmesh_eventbus::outbox::Row;
use parkmesh_platform::ids::Ids;

use crate::domain::ground::Change;
use crate::domain::sensor::Told;

/// The outbox row that tells of this change. Its aggregate is the spot.
pub fn row(ids: &Ids, now: Timestamp, told: &Told) -> Row {
    let (lot_id, spot_id) = (told.lot_id.to_string(), told.spot_id.to_string());
    let (floor_id, sensor_id) = (told.floor_id.to_string(), told.sensor_id.to_string());
    let version = told.changed.version;
    let change_time = Some(to_proto(told.changed.change_time));
    let spot = told.spot_id.as_uuid();
    match told.changed.change {
        Change::Settled { occupied: true, receive_time } => {
            let receive_time = Some(to_proto(receive_time));
            let fact =
                SpotOccupied { lot_id, version, spot_id, floor_id, change_time, receive_time };
            Row::of(ids, now, spot, version, &fact)
        }
        Change::Settled { occupied: false, receive_time } => {
            let receive_time = Some(to_proto(receive_time));
            let fact =
                SpotVacated { lot_id, version, spot_id, floor_id, change_time, receive_time };
            Row::of(ids, now, spot, version, &fact)
        }
        Change::Silent { last_seen_time } => {
            let last_seen_time = last_seen_time.map(to_proto);
            let fact =
                SensorSilent { lot_id, version, spot_id, floor_id, sensor_id, last_seen_time };
            Row::of(ids, now, spot, version, &fact)
        }
        Change::Recovered { occupied, receive_time } => {
            let fact = SensorRecovered {
                lot_id,
                version,
                spot_id,
                floor_id,
                sensor_id,
                occupied,
                change_time,
                receive_time: Some(to_proto(receive_time)),
            };
            Row::of(ids, now, spot, version, &fact)
        }
    }
}
