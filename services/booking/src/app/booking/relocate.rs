//! Relocation: the spot of a booking that starts soon is kept from it, so that it gets another one.
//!
//! One atomic step: the new spot is the booking's, the old one is free, the driver is told; the price
//! stays. Where no other is free the booking is given up and everything released: at once when the spot
//! is out of service, at its start when a car stands there, which may still leave; never for a closure,
//! whose operator has said that the bookings stand.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::{BookingState, SpotBlock};
use parkmesh_contracts::ids::BookingId;
use parkmesh_platform::fault::chain;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{constraint_of, transaction};
use sqlx::PgConnection;

use super::change::is_free;
use super::{again, carry_out};
use crate::app::App;
use crate::domain::booking::{Booking, Command, Step};
use crate::domain::inventory::as_good_as;
use crate::error::Error;
use crate::store::booking::{self as store, Kept, blocked};
use crate::store::inventory::spot;

/// How long before the start of a booking another spot is found for it.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);
/// Bookings that one tick looks after; the next goes on.
const BATCH_MAX: i64 = 100;
/// Free spots that are tried for one booking.
const TRIED_MAX: usize = 5;
/// Times that a booking is tried whose new spot somebody took at that very moment.
const RACES_MAX: u32 = 3;

impl App {
    /// Finds other spots for bookings that start soon and whose own is kept from them. Returns how many
    /// bookings changed.
    ///
    /// # Errors
    /// The store's, where none can be read; what fails for one booking leaves the others alone.
    pub async fn relocate_blocked(&self) -> Result<usize, Error> {
        let mut changed = 0;
        for (booking_id, _) in blocked::list(&self.pool, None, AHEAD, BATCH_MAX).await? {
            match self.relocate(booking_id).await {
                Ok(moved) => changed += usize::from(moved),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(%booking_id, error, "a booking is not relocated yet");
                }
            }
        }
        Ok(changed)
    }

    /// Gives a reserved booking another spot, or up, if something keeps its own from it. Whether it
    /// changed.
    ///
    /// # Errors
    /// What the rules refuse, or the store's.
    pub async fn relocate(&self, booking_id: BookingId) -> Result<bool, Error> {
        let mut races = 0;
        loop {
            races += 1;
            let done = again(|| {
                let ids = self.ids.clone();
                transaction::<_, Error, _>(&self.pool, move |connection| {
                    Box::pin(async move { relocate_in(connection, &ids, booking_id).await })
                })
            });
            match done.await {
                Err(Error::Store(error))
                    if races < RACES_MAX && constraint_of(&error) == Some("booking_no_overlap") => {
                }
                Ok(changed) => {
                    self.relay.wake();
                    return Ok(changed);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn relocate_in(
    connection: &mut PgConnection,
    ids: &Ids,
    booking_id: BookingId,
) -> Result<bool, Error> {
    let kept = store::lock(connection, booking_id).await?;
    let now = store::now(&mut *connection).await?;
    let near = blocked::list(&mut *connection, Some(booking_id), AHEAD, 1).await?;
    let Some((_, block)) = near.first().copied() else { return Ok(false) };
    if kept.booking.state != BookingState::Reserved || kept.booking.is_due(now) {
        return Ok(false);
    }
    if place_anew(connection, ids, &kept, block, now).await?.is_some() {
        return Ok(true);
    }
    let hopeless = match block {
        SpotBlock::OutOfService => true,
        SpotBlock::Occupied => now >= kept.booking.start_time,
        SpotBlock::Closed | SpotBlock::Unspecified => false,
    };
    if hopeless {
        carry_out(connection, ids, &kept, &Command::GiveUp, now).await?;
    }
    Ok(hopeless)
}

/// The booking on the first spot that is free for it.
async fn place_anew(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: &Kept,
    block: SpotBlock,
    now: Timestamp,
) -> Result<Option<Booking>, Error> {
    let booking = &kept.booking;
    let (Some(mine), Some(fare)) = (booking.spot_id(), &booking.price.fare) else {
        return Ok(None);
    };
    let mine = spot::get(&mut *connection, mine).await?;
    let (types, keep) = (as_good_as(fare.spot_type()), kept.kept(&booking.window));
    let free = blocked::instead(connection, &mine, types, &keep, TRIED_MAX).await?;
    for found in free {
        let found = spot::lock(connection, found.spot_id).await?;
        let command = Command::Relocate(found.place(), block);
        let step = booking.transition(&command, &kept.terms.policy, now)?;
        let Step::Changed(next, _) = step else { continue };
        let as_found = !found.out_of_service && types.contains(&found.spot_type);
        if as_found && is_free(connection, ids, kept, &next, now).await? {
            return carry_out(connection, ids, kept, &command, now).await.map(Some);
        }
    }
    Ok(None)
}
