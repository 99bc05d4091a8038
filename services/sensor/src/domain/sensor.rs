//! A registered device with the ground under it, and what is known of one that nobody registered.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::{FloorId, LotId, SensorId, SpotId};

use super::ground::{Change, Changed, Ground, Rules, Suspicion};
use super::model::Models;

/// A device in or above one spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    /// Its id with us.
    pub sensor_id: SensorId,
    /// Its own name on its network.
    pub device_id: String,
    /// The spot it watches.
    pub spot_id: SpotId,
    /// The lot.
    pub lot_id: LotId,
    /// The floor.
    pub floor_id: FloorId,
    /// Chooses decoder and settle times.
    pub model: String,
    /// Chooses between decoders of one model; may be empty.
    pub firmware: String,
    /// Seconds between two heartbeats.
    pub heartbeat_seconds: i32,
    /// What it says.
    pub ground: Ground,
}

impl Sensor {
    /// What it is held to.
    pub fn rules(&self, models: &Models) -> Rules {
        let heartbeat = SignedDuration::from_secs(i64::from(self.heartbeat_seconds));
        let model = models.of(&self.model);
        Rules { settle: model.settle, heartbeat, warm_up: model.warm_up }
    }
}

/// A change with the sensor that told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which sensor.
    pub sensor_id: SensorId,
    /// The spot.
    pub spot_id: SpotId,
    /// The lot.
    pub lot_id: LotId,
    /// The floor.
    pub floor_id: FloorId,
    /// What became of the spot.
    pub changed: Changed,
    /// Why the sensor was not to be trusted then.
    pub suspicion: Option<Suspicion>,
}

impl Told {
    /// A change of this sensor's spot.
    pub fn of(sensor: &Sensor, changed: Changed) -> Self {
        let Sensor { sensor_id, spot_id, lot_id, floor_id, .. } = *sensor;
        let heard = match changed.change {
            Change::Settled { receive_time, .. } | Change::Recovered { receive_time, .. } => {
                receive_time
            }
            Change::Silent { .. } | Change::Suspected(_) => changed.change_time,
        };
        let suspicion = sensor.ground.suspicion(heard);
        Self { sensor_id, spot_id, lot_id, floor_id, changed, suspicion }
    }
}

/// A frame for the quarantine. Its texts are short enough and free of NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The device's own name, or the topic where none could be read.
    pub device_id: String,
    /// UNKNOWN_DEVICE, UNKNOWN_MODEL, BAD_ENVELOPE, BAD_FRAME.
    pub reason: String,
    /// What exactly.
    pub detail: String,
    /// Where it came.
    pub topic: String,
    /// How the frame begins.
    pub payload: Vec<u8>,
    /// When it was heard.
    pub receive_time: Timestamp,
}

/// The reason of a device that nobody registered.
pub const UNKNOWN_DEVICE: &str = "UNKNOWN_DEVICE";
