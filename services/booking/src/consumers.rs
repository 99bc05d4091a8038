//! What booking listens to: the ground.

use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time::from_proto;
use parkmesh_eventbus::consumer::{self, Consumer, Handler, Listening};
use parkmesh_eventbus::{Delivered, Failure};

use crate::app::App;
use crate::store::booking::reality::Reality;

/// The consumer of the sensors' facts.
const SENSOR: Consumer = Consumer {
    name: "booking-sensor",
    stream: "SENSOR",
    fact_types: &[
        sensor::SpotOccupied::TYPE,
        sensor::SpotVacated::TYPE,
        sensor::SensorSilent::TYPE,
        sensor::SensorRecovered::TYPE,
    ],
};

/// Starts all consumers.
pub fn start(app: &App) -> Listening {
    consumer::start(&app.bus, SENSOR, Ground(app.clone()), &app.tasks)
}

struct Ground(App);

impl Handler for Ground {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let fact_id = fact.fact_id;
        let Some(reality) = reality(&fact)? else { return Ok(()) };
        self.0.observe(SENSOR.name, fact_id, reality).await.map_err(Failure::retry)
    }
}

/// What the fact says of its spot; None for a fact that we do not know.
fn reality(fact: &Delivered) -> Result<Option<Reality>, Failure> {
    let of = |spot_id: &str, occupied, version, since: Option<&prost_types::Timestamp>| {
        let change_time = match since {
            Some(since) => from_proto(since).map_err(|error| poison("change_time", error))?,
            None => fact.time,
        };
        Ok(Some(Reality {
            spot_id: spot_id.parse().map_err(|error| poison("spot_id", error))?,
            lot_id: fact.lot_id.parse().map_err(|error| poison("lot_id", error))?,
            occupied,
            version,
            change_time,
        }))
    };
    match fact.fact_type.as_str() {
        sensor::SpotOccupied::TYPE => {
            let told: sensor::SpotOccupied = fact.decode()?;
            of(&told.spot_id, Some(true), told.version, told.change_time.as_ref())
        }
        sensor::SpotVacated::TYPE => {
            let told: sensor::SpotVacated = fact.decode()?;
            of(&told.spot_id, Some(false), told.version, told.change_time.as_ref())
        }
        sensor::SensorSilent::TYPE => {
            let told: sensor::SensorSilent = fact.decode()?;
            of(&told.spot_id, None, told.version, None)
        }
        sensor::SensorRecovered::TYPE => {
            let told: sensor::SensorRecovered = fact.decode()?;
            of(&told.spot_id, Some(told.occupied), told.version, told.change_time.as_ref())
        }
        _ => Ok(None),
    }
}

fn poison(field: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Poison(format!("{field}: {why}"))
}
