//! Plates that were read at gates: the car of a booking comes or goes, and the gate may open.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::PassageGranted;
use parkmesh_contracts::booking::v1::{BookingState, Cause};
use parkmesh_contracts::common::v1::GateDirection;
use parkmesh_contracts::facts::Fact as _;
use parkmesh_contracts::ids::{BookingId, FactId, PlateReadId};
use parkmesh_contracts::sensor::v1::PassageAcknowledged;
use parkmesh_eventbus::{inbox, outbox};
use parkmesh_platform::ids::Ids;
use sqlx::PgConnection;

use super::arrive::arrive;
use super::carry_out;
use super::ground::forgive;
use crate::app::App;
use crate::domain::booking::Booking;
use crate::domain::plate::{Read, meant};
use crate::error::Error;
use crate::events;
use crate::store::booking::{self as store, Kept};
use crate::store::booking::{passage, plate};
use crate::store::timeline::{self, Note};

/// A gate does not open for a car that stood there so long ago.
const OPEN_WITHIN: SignedDuration = SignedDuration::from_secs(60);

impl App {
    /// Takes in, once, that a plate was read: whose car it is comes or goes by it, and the gate may open. A car
    /// that nobody knows, or that may be one of several, changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn observe_plate(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        read: Read,
    ) -> Result<(), Error> {
        let (ids, key, sealer) = (self.ids.clone(), self.plate_key.clone(), self.sealer.clone());
        let heard = self.clock.now();
        inbox::once::<_, Error, _>(&self.pool, consumer, fact_id, heard, move |connection| {
            Box::pin(async move {
                let now = store::now(&mut *connection).await?;
                let cars =
                    plate::candidates(&mut *connection, &sealer, read.lot_id, read.direction)
                        .await?;
                let is_like = |likeness, plate: &str| key.is_like(likeness, &read.marks, plate);
                let who = meant(cars, read.direction, read.confidence_percent, is_like);
                match who {
                    Some(booking_id) => pass(connection, &ids, booking_id, &read, now).await,
                    None => Ok(()),
                }
            })
        })
        .await?;
        self.relay.wake();
        Ok(())
    }
}

impl App {
    /// Adds to a booking's story, once, what the barrier did that its car was let pass.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_passage(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        plate_read_id: PlateReadId,
    ) -> Result<(), Error> {
        let heard = self.clock.now();
        let noted = inbox::once(&self.pool, consumer, fact_id, heard, move |connection| {
            Box::pin(async move {
                // Of a reading that was granted nothing a barrier has nothing to say.
                let Some(booking_id) = passage::find(&mut *connection, plate_read_id).await? else {
                    return Ok(());
                };
                let booking = store::get(&mut *connection, booking_id).await?.booking;
                let now = store::now(&mut *connection).await?;
                let note = note(&booking, PassageAcknowledged::TYPE, now);
                timeline::note(connection, &note).await
            })
        });
        noted.await.map(drop)
    }
}

async fn pass(
    connection: &mut PgConnection,
    ids: &Ids,
    booking_id: BookingId,
    read: &Read,
    now: Timestamp,
) -> Result<(), Error> {
    let kept = store::lock(connection, booking_id).await?;
    let at = read.read_time.min(now);
    let passes = match read.direction {
        GateDirection::Exit => leave(connection, ids, &kept, at, now).await?,
        GateDirection::Entry | GateDirection::Unspecified => {
            come(connection, ids, &kept, at, now).await?
        }
    };
    if !passes || now.duration_since(at) > OPEN_WITHIN {
        return Ok(());
    }
    let booking = store::lock(connection, booking_id).await?.booking;
    let fact = events::passage_granted(ids, now, &booking, read);
    outbox::append(connection, &[fact]).await?;
    passage::keep(connection, read.plate_read_id, booking_id, now).await?;
    timeline::note(connection, &note(&booking, PassageGranted::TYPE, now)).await
}

/// Whether the car of the booking is in the lot by right then.
async fn come(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: &Kept,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let at = at.max(kept.booking.create_time);
    // Who is there already comes back, or is read a second time.
    forgive(arrive(connection, ids, kept, at, Cause::Plate, now).await)
}

/// Whether the car of the booking may go: it does by this, or had ended its stay.
async fn leave(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: &Kept,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let booking = &kept.booking;
    if booking.state != BookingState::Active {
        return Ok(booking.state == BookingState::Completed);
    }
    let left = booking.seen_to_leave((at, Cause::Plate), None, &kept.terms.policy, now);
    match left {
        Some(left) => forgive(carry_out(connection, ids, kept, &left, now).await),
        None => Ok(false),
    }
}

fn note(booking: &Booking, fact_type: &'static str, now: Timestamp) -> Note {
    Note {
        aggregate_id: booking.booking_id.as_uuid(),
        spot_id: booking.spot_id(),
        version: booking.version,
        fact_type,
        cause: Cause::Plate,
        create_time: now,
    }
}
