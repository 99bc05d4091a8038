//! What sensor listens to: booking's sessions, and whose its lots are. It never asks booking; it learns by its facts.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as booking;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::UserId;
use parkmesh_eventbus::access::Part;
use parkmesh_eventbus::consumer::{self, Consumer, Handler};
use parkmesh_eventbus::{Delivered, Failure, READINGS};

use crate::app::App;
use crate::domain::discrepancy::TOLERANCE;
use crate::store::books::Session;
use crate::store::lot::{self as store, Lot};

/// The consumer of booking's facts.
const BOOKING: Consumer = Consumer {
    name: "sensor-booking",
    stream: "BOOKING",
    fact_types: &[booking::BookingActivated::TYPE, booking::BookingCompleted::TYPE],
};

/// Whose lots are; beside the sessions, so that a city that is imported holds up none of them.
const LOTS: Consumer = Consumer {
    name: "sensor-lots",
    stream: "BOOKING",
    fact_types: &[booking::InventoryChanged::TYPE],
};

/// What sensor does on the bus.
pub const BUS: Part = Part {
    writes: &["SENSOR", READINGS],
    consumers: &[BOOKING, LOTS],
    follows: &["SENSOR", "BOOKING"],
};

/// Starts the consumers.
pub fn start(app: &App) {
    consumer::start(&app.bus, BOOKING, Books(app.clone()), &app.tasks);
    consumer::start(&app.bus, LOTS, Lots(app.clone()), &app.tasks);
}

struct Lots(App);

impl Handler for Lots {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let told: booking::InventoryChanged = fact.decode()?;
        let lot = told.lot.ok_or_else(|| poison("lot", "is missing"))?;
        let lot = Lot {
            lot_id: told.lot_id.parse().map_err(|error| poison("lot_id", error))?,
            operator_id: UserId::parse(&lot.operator_id)
                .map_err(|error| poison("lot.operator_id", error))?,
            version: told.version,
        };
        // Versions take the inbox's place.
        Ok(store::keep(&self.0.pool, &lot).await?)
    }
}

struct Books(App);

impl Handler for Books {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let Some(session) = session(&fact)? else { return Ok(()) };
        let noted = self.0.note_session(BOOKING.name, fact.fact_id, session).await;
        noted.map_err(Failure::retry)
    }
}

/// The session that began or ended; None for a ticket, which has no spot, and for a fact that we do not
/// know.
fn session(fact: &Delivered) -> Result<Option<Session>, Failure> {
    let (told, cause, under_way) = match fact.fact_type.as_str() {
        booking::BookingActivated::TYPE => {
            let told: booking::BookingActivated = fact.decode()?;
            let cause = told.cause();
            (told.booking, cause, true)
        }
        booking::BookingCompleted::TYPE => {
            let told: booking::BookingCompleted = fact.decode()?;
            let cause = told.cause();
            (told.booking, cause, false)
        }
        _ => return Ok(None),
    };
    let told = told.ok_or_else(|| poison("booking", "is missing"))?;
    if told.spot_id.is_empty() {
        return Ok(None);
    }
    Ok(Some(Session {
        spot_id: told.spot_id.parse().map_err(|error| poison("booking.spot_id", error))?,
        lot_id: told.lot_id.parse().map_err(|error| poison("booking.lot_id", error))?,
        booking_id: told.booking_id.parse().map_err(|error| poison("booking.booking_id", error))?,
        version: told.version,
        under_way,
        change_time: fact.time,
        look_time: is_witnessed(cause, under_way).then(|| due(fact.time)),
    }))
}

/// Whether somebody else than the sensor has seen it: the car where it came; when it goes, only the gate.
fn is_witnessed(cause: Cause, under_way: bool) -> bool {
    match cause {
        Cause::Driver | Cause::Kiosk | Cause::Operator => under_way,
        Cause::Plate => !under_way,
        _ => false,
    }
}

/// When the sensor should have noticed too.
fn due(time: Timestamp) -> Timestamp {
    time.checked_add(TOLERANCE).unwrap_or(Timestamp::MAX)
}

fn poison(field: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Poison(format!("{field}: {why}"))
}
