//! Ears: one for each stream.

use std::sync::{Mutex, MutexGuard, PoisonError};

use parkmesh_eventbus::access::Part;
use parkmesh_eventbus::consumer::{self, Consumer, Handler};
use parkmesh_eventbus::{Bus, Delivered, Failure};
use parkmesh_platform::tasks::Tasks;

use crate::app::App;
use crate::domain::painted::Painted;
use crate::events::{self, Name};
use crate::store;

const BOOKING: Consumer =
    Consumer { name: "notification-booking", stream: "BOOKING", fact_types: events::OF_BOOKING };
/// Beside the other one, and held up by it as little as it holds it up.
const NAMES: Consumer =
    Consumer { name: "notification-names", stream: "BOOKING", fact_types: events::OF_NAMES };
const OWNERS: Consumer =
    Consumer { name: "notification-owners", stream: "BOOKING", fact_types: events::OF_OWNERS };
const SENSOR: Consumer =
    Consumer { name: "notification-sensor", stream: "SENSOR", fact_types: events::OF_SENSOR };
const PAYMENT: Consumer =
    Consumer { name: "notification-payment", stream: "PAYMENT", fact_types: events::OF_PAYMENT };

/// What notification does on the bus.
pub const BUS: Part = Part {
    writes: &["NOTIFICATION"],
    consumers: &[BOOKING, NAMES, OWNERS, SENSOR, PAYMENT],
    follows: &[],
};

struct Ear {
    app: App,
    name: &'static str,
}

impl Handler for Ear {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let (app, name, fact_id) = (&self.app, self.name, fact.fact_id);
        let done = if let Some(erasure) = events::erasure(&fact)? {
            app.erase(name, fact_id, erasure).await
        } else if let Some(alarm) = events::alarm(&fact)? {
            app.alarm(name, fact_id, alarm).await
        } else if let Some(told) = events::told(&fact)? {
            app.tell(name, fact_id, told).await
        } else {
            Ok(())
        };
        done.map_err(Failure::retry)
    }
}

/// Hears whose lots are. Versions take the inbox's place.
struct Owners(App);

impl Handler for Owners {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let (lot_id, operator_id, version) = events::owner(&fact)?;
        let kept = store::operator::keep_lot(&self.0.pool, lot_id, &operator_id, version).await;
        Ok(kept?)
    }
}

/// Hears what things are called. Versions take the inbox's place.
struct Names {
    app: App,
    painted: Mutex<Painted>,
}

impl Names {
    fn painted(&self) -> MutexGuard<'_, Painted> {
        self.painted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Names {
    // In every order the newest version stays; and thousands come at once when a city is imported.
    const LANES: usize = 8;

    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let pool = &self.app.pool;
        match events::name(&fact)? {
            Some(Name::Lot { lot_id, lot_name, time_zone, version }) => {
                store::names::keep_lot(pool, lot_id, (&lot_name, &time_zone), version).await?;
            }
            Some(Name::Spot { spot_id, lot_id, spot_number, version })
                if !self.painted().repeats(spot_id, version, &spot_number) =>
            {
                store::names::keep_spot(pool, spot_id, lot_id, &spot_number, version).await?;
                self.painted().kept(spot_id, version, &spot_number);
            }
            Some(Name::Spot { .. }) | None => {}
        }
        Ok(())
    }
}

/// Begins to listen.
pub fn start(bus: &Bus, app: &App, tasks: &Tasks) {
    for from in [BOOKING, PAYMENT, SENSOR] {
        consumer::start(bus, from, Ear { app: app.clone(), name: from.name }, tasks);
    }
    let names = Names { app: app.clone(), painted: Mutex::default() };
    consumer::start(bus, NAMES, names, tasks);
    consumer::start(bus, OWNERS, Owners(app.clone()), tasks);
}
