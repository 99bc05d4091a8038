//! Giving a spot to a booking that was a promise of capacity: when its car comes, or so long before the start as the lot says.

use jiff::Timestamp;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::window::Window;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use super::carry_out;
use super::repack::{Made, On, Room, is_crossing, make_room};
use crate::app::App;
use crate::domain::booking::{Booking, Command, Place};
use crate::error::Error;
use crate::store::booking::{self as store, Kept, pending};

/// Bookings that one round gives their spots.
const DUE_MAX: i64 = 200;

impl App {
    /// Gives spots to reservations that start so soon that their drivers are to know. Returns how many were due.
    ///
    /// # Errors
    /// The store's; what was given stays given.
    pub async fn assign_due(&self) -> Result<usize, Error> {
        let due = pending::due(&self.pool, DUE_MAX).await?;
        let found = due.len();
        for booking_id in due {
            match self.assign_one(booking_id).await {
                // Somebody was faster; the next round looks again. Or it has arrived or ended meanwhile.
                Ok(()) | Err(Error::Crowded | Error::BookingStateWrong(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn assign_one(&self, booking_id: BookingId) -> Result<(), Error> {
        let ids = self.ids.clone();
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let kept = store::lock(connection, booking_id).await?;
                let now = store::now(&mut *connection).await?;
                assign(connection, &ids, kept, now, now).await.map(drop)
            })
        })
        .await?;
        self.relay.wake();
        Ok(())
    }
}

/// Gives a locked booking its spot for a car that comes `at` that moment, which may be before the start: the one that it has provisionally, or
/// another one on which no car stands, be it after others have made room. Where no spot is empty it is the provisional one all the
/// same: the promise stands, and who blocks it is the operator's matter.
///
/// # Errors
/// What the rules refuse, or the store's; [`Error::Crowded`] when somebody was faster: to be done again.
pub(super) async fn assign(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: Kept,
    at: Timestamp,
    now: Timestamp,
) -> Result<Kept, Error> {
    let Place::Spot { promised: false, .. } = kept.booking.place else { return Ok(kept) };
    let place = place_for(connection, ids, &kept.booking, at, now).await?;
    let booking = carry_out(connection, ids, &kept, &Command::Assign(place), now).await;
    let booking = booking.map_err(crowded)?;
    Ok(Kept { booking, ..kept })
}

/// Somebody who was faster is no failure: what was planned is planned anew.
fn crowded(error: Error) -> Error {
    match &error {
        Error::Store(inner) if is_crossing(inner) => Error::Crowded,
        _ => error,
    }
}

async fn place_for(
    connection: &mut PgConnection,
    ids: &Ids,
    booking: &Booking,
    at: Timestamp,
    now: Timestamp,
) -> Result<Place, Error> {
    let Place::Spot { floor_id, spot_id, spot_number, .. } = &booking.place else {
        return Ok(booking.place.clone());
    };
    let stays = Place::Spot {
        floor_id: *floor_id,
        spot_id: *spot_id,
        spot_number: spot_number.clone(),
        promised: true,
    };
    let booked = pending::kept(&mut *connection, booking.booking_id).await?;
    let early = Window::try_new(at.min(booked.start()), booked.end()).unwrap_or(booked);
    if pending::is_good(&mut *connection, booking.booking_id, &early).await? {
        return Ok(stays);
    }
    let (lot_id, spot_type) = (booking.lot_id, booking.spot_type());
    let room = Room { lot_id, spot_type, kept: early, on: On::Empty };
    let made = make_room(connection, ids, &room, Some(booking.booking_id), now).await;
    match made.map_err(crowded)? {
        Made::Room(spot) => Ok(Place::Spot {
            floor_id: spot.floor_id,
            spot_id: spot.spot_id,
            spot_number: spot.spot_number,
            promised: true,
        }),
        Made::Full => Ok(stays),
        Made::Crossed => Err(Error::Crowded),
    }
}
