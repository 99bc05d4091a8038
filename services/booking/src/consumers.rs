//! What booking listens to: the ground, the money of what is promised, and those who erase a person with it.

use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::facts::Fact;
use parkmesh_contracts::ids::{ErasureId, SpotId};
use parkmesh_contracts::notification::v1 as notification;
use parkmesh_contracts::payment::v1 as payment;
use parkmesh_contracts::plate::PlateMarks;
use parkmesh_contracts::sensor::v1 as sensor;
use parkmesh_contracts::time::from_proto;
use parkmesh_eventbus::access::Part;
use parkmesh_eventbus::consumer::{self, Consumer, Handler, Listening, Runs};
use parkmesh_eventbus::{Delivered, Failure};

use crate::app::App;
use crate::domain::booking::Doubt;
use crate::domain::plate::Read;
use crate::store::booking::reality::Reality;
use crate::store::timeline::Note;

/// The consumer of the sensors' facts.
const SENSOR: Consumer = Consumer {
    name: "booking-sensor",
    stream: "SENSOR",
    fact_types: &[
        sensor::SpotOccupied::TYPE,
        sensor::SpotVacated::TYPE,
        sensor::SensorSilent::TYPE,
        sensor::SensorRecovered::TYPE,
        sensor::SensorSuspect::TYPE,
        sensor::PlateRead::TYPE,
        sensor::PassageAcknowledged::TYPE,
    ],
};

/// The consumers of those who tell that they have erased a person, by the name of the service; payment
/// also tells when what a driver was to do at their bank is over, and how it goes with the cards of what is
/// promised.
const ERASERS: [(&str, Consumer); 2] = [
    (
        "payment",
        Consumer {
            name: "booking-payment",
            stream: "PAYMENT",
            fact_types: &[
                payment::UserDataErased::TYPE,
                payment::PaymentActionFinished::TYPE,
                payment::PaymentDeclined::TYPE,
                payment::PaymentAuthorized::TYPE,
            ],
        },
    ),
    (
        "notification",
        Consumer {
            name: "booking-notification",
            stream: "NOTIFICATION",
            fact_types: &[notification::UserDataErased::TYPE],
        },
    ),
];

/// What booking does on the bus.
pub const BUS: Part = Part {
    writes: &["BOOKING"],
    consumers: &[SENSOR, ERASERS[0].1, ERASERS[1].1],
    follows: &["BOOKING"],
};

/// Starts all consumers.
pub fn start(app: &App) -> Listening {
    for (service, consumer) in ERASERS {
        let ear = Eraser { app: app.clone(), service, name: consumer.name };
        consumer::start(&app.bus, consumer, ear, &app.tasks);
    }
    consumer::start_runs(&app.bus, &app.pool, SENSOR, Ground(app.clone()), &app.tasks)
}

struct Eraser {
    app: App,
    service: &'static str,
    name: &'static str,
}

impl Handler for Eraser {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        // Each may be told as often as it likes: what comes of it is the same.
        match fact.fact_type.as_str() {
            payment::PaymentActionFinished::TYPE => {
                let told: payment::PaymentActionFinished = fact.decode()?;
                let booking_id = parsed("booking_id", &told.booking_id)?;
                return self.app.look_at_action(booking_id).await.map_err(Failure::retry);
            }
            payment::PaymentDeclined::TYPE => {
                let told: payment::PaymentDeclined = fact.decode()?;
                if !told.promised {
                    return Ok(());
                }
                let payment_id = match told.replaces_payment_id.as_str() {
                    "" => parsed("payment_id", &told.payment_id)?,
                    first => parsed("replaces_payment_id", first)?,
                };
                let booking_id = parsed("booking_id", &told.booking_id)?;
                let asked = self.app.ask_card(booking_id, payment_id, told.decline_code).await;
                return asked.map_err(Failure::retry);
            }
            payment::PaymentAuthorized::TYPE => {
                let told: payment::PaymentAuthorized = fact.decode()?;
                if told.replaces_payment_id.is_empty() {
                    return Ok(());
                }
                let payment_id = parsed("replaces_payment_id", &told.replaces_payment_id)?;
                let booking_id = parsed("booking_id", &told.booking_id)?;
                let noted = self.app.note_covered(booking_id, payment_id).await;
                return noted.map_err(Failure::retry);
            }
            _ => {}
        }
        let erasure_id = match fact.fact_type.as_str() {
            payment::UserDataErased::TYPE => fact.decode::<payment::UserDataErased>()?.erasure_id,
            notification::UserDataErased::TYPE => {
                fact.decode::<notification::UserDataErased>()?.erasure_id
            }
            _ => return Ok(()),
        };
        let erasure_id: ErasureId = parsed("erasure_id", &erasure_id)?;
        let noted = self.app.note_erased(self.name, fact.fact_id, (erasure_id, self.service)).await;
        noted.map_err(Failure::retry)
    }
}

struct Ground(App);

impl Handler for Ground {
    async fn handle(&self, fact: Delivered) -> Result<(), Failure> {
        let fact_id = fact.fact_id;
        if fact.fact_type == sensor::SensorSuspect::TYPE {
            let note = suspicion(&fact)?;
            return self.0.note_ground(SENSOR.name, fact_id, note).await.map_err(Failure::retry);
        }
        if fact.fact_type == sensor::PlateRead::TYPE {
            let read = plate_read(&fact)?;
            return self.0.observe_plate(SENSOR.name, fact_id, read).await.map_err(Failure::retry);
        }
        if fact.fact_type == sensor::PassageAcknowledged::TYPE {
            let told: sensor::PassageAcknowledged = fact.decode()?;
            let plate_read_id = parsed("plate_read_id", &told.plate_read_id)?;
            let noted = self.0.note_passage(SENSOR.name, fact_id, plate_read_id).await;
            return noted.map_err(Failure::retry);
        }
        let Some(reality) = reality(&fact)? else { return Ok(()) };
        self.0.observe(SENSOR.name, fact_id, reality).await.map_err(Failure::retry)
    }
}

impl Runs for Ground {
    async fn handle_run(&self, facts: &[Delivered]) -> Result<usize, sqlx::Error> {
        let told = facts.iter().map_while(|fact| Some((fact.fact_id, reality(fact).ok()??)));
        let told: Vec<_> = told.collect();
        self.0.observe_quiet(SENSOR.name, &told).await
    }
}

/// That a sensor is not to be trusted is part of its spot's story, and changes nothing about the spot.
fn suspicion(fact: &Delivered) -> Result<Note, Failure> {
    let told: sensor::SensorSuspect = fact.decode()?;
    let create_time = match &told.suspect_time {
        Some(since) => from_proto(since).map_err(|error| poison("suspect_time", error))?,
        None => fact.time,
    };
    let spot_id: SpotId = parsed("spot_id", &told.spot_id)?;
    Ok(Note {
        aggregate_id: spot_id.as_uuid(),
        spot_id: Some(spot_id),
        version: told.version,
        fact_type: sensor::SensorSuspect::TYPE,
        cause: Cause::Sensor,
        create_time,
    })
}

/// A plate that was read at a gate.
fn plate_read(fact: &Delivered) -> Result<Read, Failure> {
    let told: sensor::PlateRead = fact.decode()?;
    let mark = |field, bytes: &[u8]| bytes.try_into().map_err(|error| poison(field, error));
    let near = told.near_marks.iter().map(|bytes| mark("near_marks", bytes));
    let read_time = match &told.read_time {
        Some(read) => from_proto(read).map_err(|error| poison("read_time", error))?,
        None => fact.time,
    };
    Ok(Read {
        plate_read_id: parsed("plate_read_id", &told.plate_read_id)?,
        lot_id: parsed("lot_id", &told.lot_id)?,
        direction: told.direction(),
        marks: PlateMarks {
            exact: mark("exact_mark", &told.exact_mark)?,
            shape: mark("shape_mark", &told.shape_mark)?,
            near: near.collect::<Result<_, _>>()?,
        },
        confidence_percent: told.confidence_percent,
        read_time,
        gate_id: told.gate_id,
    })
}

/// What the fact says of its spot; None for a fact that we do not know.
fn reality(fact: &Delivered) -> Result<Option<Reality>, Failure> {
    let of = |spot_id: &str, occupied, version, since: Option<&prost_types::Timestamp>, doubt| {
        let change_time = match since {
            Some(since) => from_proto(since).map_err(|error| poison("change_time", error))?,
            None => fact.time,
        };
        Ok(Some(Reality {
            spot_id: parsed("spot_id", spot_id)?,
            lot_id: parsed("lot_id", &fact.lot_id)?,
            occupied,
            version,
            change_time,
            doubt,
        }))
    };
    match fact.fact_type.as_str() {
        sensor::SpotOccupied::TYPE => {
            let told: sensor::SpotOccupied = fact.decode()?;
            of(&told.spot_id, Some(true), told.version, told.change_time.as_ref(), None)
        }
        sensor::SpotVacated::TYPE => {
            let told: sensor::SpotVacated = fact.decode()?;
            let doubt = doubt(told.suspicion());
            of(&told.spot_id, Some(false), told.version, told.change_time.as_ref(), doubt)
        }
        sensor::SensorSilent::TYPE => {
            let told: sensor::SensorSilent = fact.decode()?;
            of(&told.spot_id, None, told.version, None, None)
        }
        sensor::SensorRecovered::TYPE => {
            let told: sensor::SensorRecovered = fact.decode()?;
            let doubt = doubt(told.suspicion());
            of(&told.spot_id, Some(told.occupied), told.version, told.change_time.as_ref(), doubt)
        }
        _ => Ok(None),
    }
}

fn doubt(suspicion: sensor::SuspicionCause) -> Option<Doubt> {
    match suspicion {
        sensor::SuspicionCause::Unspecified => None,
        sensor::SuspicionCause::Flapping => Some(Doubt::Flapping),
        sensor::SuspicionCause::Faulty => Some(Doubt::Faulty),
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
) -> Result<T, Failure> {
    text.parse().map_err(|error| poison(field, error))
}

fn poison(field: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Poison(format!("{field}: {why}"))
}
