//! What the sensors tell: cars that come and go.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::Cause;
use parkmesh_contracts::ids::{FactId, SpotId};
use parkmesh_eventbus::inbox;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::transaction;
use sqlx::PgConnection;

use super::arrive::arrive;
use super::carry_out;
use crate::app::App;
use crate::domain::booking::{Command, OVERSTAY_MAX};
use crate::error::Error;
use crate::store::booking as store;
use crate::store::booking::reality::{self, Reality};
use crate::store::booking::{change, overstay};
use crate::store::inventory::spot;
use crate::store::timeline::{self, Note};

/// Bookings looked at in one round of [`App::admit_waiting_cars`].
const WAITING_MAX: i64 = 200;

impl App {
    /// Takes in the first facts of sensors that concern no booking, each once; says how many those are.
    ///
    /// # Errors
    /// The store's.
    pub async fn observe_quiet(
        &self,
        consumer: &'static str,
        told: &[(FactId, Reality)],
    ) -> Result<usize, sqlx::Error> {
        if told.is_empty() {
            return Ok(0);
        }
        reality::keep_quiet(&self.pool, consumer, told, self.clock.now()).await
    }

    /// Takes a sensor's fact in, once: the reality of the spot, and what follows for its booking, in one transaction. What
    /// is not newer than what is known changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn observe(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        reality: Reality,
    ) -> Result<(), Error> {
        let heard = self.clock.now();
        let ids = self.ids.clone();
        inbox::once::<_, Error, _>(&self.pool, consumer, fact_id, heard, move |connection| {
            Box::pin(async move {
                if !reality::apply(connection, &reality).await? {
                    return Ok(());
                }
                let now = store::now(&mut *connection).await?;
                match reality.occupied {
                    Some(true) => car_came(connection, &ids, &reality, now).await,
                    Some(false) => car_left(connection, &ids, &reality, now).await,
                    None => Ok(()),
                }
            })
        })
        .await?;
        self.relay.wake();
        Ok(())
    }

    /// Adds to a spot's story what was heard of its ground and changes nothing, once.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_ground(
        &self,
        consumer: &'static str,
        fact_id: FactId,
        note: Note,
    ) -> Result<(), Error> {
        let noted =
            inbox::once(&self.pool, consumer, fact_id, self.clock.now(), move |connection| {
                Box::pin(async move { timeline::note(connection, &note).await })
            });
        noted.await.map(drop)
    }

    /// Lets cars that stood on their spot when the window opened have arrived: they came while
    /// somebody else still had the spot, or before their booking was confirmed.
    ///
    /// # Errors
    /// The store's.
    pub async fn admit_waiting_cars(&self) -> Result<usize, Error> {
        let waiting = reality::arrived(&self.pool, WAITING_MAX).await?;
        let found = waiting.len();
        for (booking_id, since) in waiting {
            let ids = self.ids.clone();
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let kept = store::lock(connection, booking_id).await?;
                    let now = store::now(&mut *connection).await?;
                    // Before the start the spot may have been somebody else's.
                    let at = since.max(kept.booking.window.start()).min(now);
                    forgive(arrive(connection, &ids, &kept, at, Cause::Sensor, now).await).map(drop)
                })
            })
            .await?;
            self.relay.wake();
        }
        Ok(found)
    }

    /// Charges overstays that have reached the longest time that is charged, though the car is still
    /// there, and those whose car a sensor in doubt has not seen for long enough.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_long_overstays(&self) -> Result<(), Error> {
        for spot_id in overstay::list_over(&self.pool, OVERSTAY_MAX, WAITING_MAX).await? {
            let ids = self.ids.clone();
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let now = store::now(&mut *connection).await?;
                    end_overstay(connection, &ids, spot_id, now, now).await
                })
            })
            .await?;
            self.relay.wake();
        }
        Ok(())
    }
}

/// A car stands on the spot: whose is it?
async fn car_came(
    connection: &mut PgConnection,
    ids: &Ids,
    seen: &Reality,
    now: Timestamp,
) -> Result<(), Error> {
    let (spot_id, since) = (seen.spot_id, seen.change_time);
    overstay::doubt(connection, spot_id, None, None).await?;
    if let Some(kept) = reality::active_on(&mut *connection, spot_id).await? {
        // Whoever is there already has told so, and the sensor only agrees; whoever was seen to leave is back.
        let kept = store::lock(connection, kept.booking.booking_id).await?;
        let back = Command::Return(Cause::Sensor);
        return forgive(carry_out(connection, ids, &kept, &back, now).await).map(drop);
    }
    if let Some(kept) = reality::awaited_on(&mut *connection, spot_id).await? {
        let kept = store::lock(connection, kept.booking.booking_id).await?;
        let now = store::now(&mut *connection).await?;
        // A car that was there before it could be this one is not; the clockwork looks once more when
        // the window opens.
        let at = since.max(kept.booking.create_time).min(now);
        if forgive(arrive(connection, ids, &kept, at, Cause::Sensor, now).await)? {
            return Ok(());
        }
    }
    ask_claim(connection, ids, seen, now).await
}

/// Nobody is known to have come there. If exactly one driver of the lot is due and not where they are
/// to be, they are asked.
async fn ask_claim(
    connection: &mut PgConnection,
    ids: &Ids,
    seen: &Reality,
    now: Timestamp,
) -> Result<(), Error> {
    let spot_id = seen.spot_id;
    let spot = match spot::get(&mut *connection, spot_id).await {
        // A sensor may know of a spot before we do.
        Err(Error::SpotNotFound) => return Ok(()),
        spot => spot?,
    };
    let due = reality::due_elsewhere(&mut *connection, seen, 2).await?;
    let [only] = due.as_slice() else { return Ok(()) };
    let kept = store::lock(connection, only.booking.booking_id).await?;
    let window = kept.kept(&kept.booking.window);
    let met =
        change::in_the_way(&mut *connection, kept.booking.booking_id, spot_id, &window).await?;
    if met.iter().any(|(_, lapsed)| !lapsed) {
        return Ok(());
    }
    let ask = Command::AskClaim(spot_id, spot.spot_number);
    forgive(carry_out(connection, ids, &kept, &ask, now).await).map(drop)
}

/// The car of a booking that was completed by its deadline has left too: it owes for the time.
async fn end_overstay(
    connection: &mut PgConnection,
    ids: &Ids,
    spot_id: SpotId,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let Some((booking_id, gone)) = overstay::end(connection, spot_id).await? else {
        return Ok(());
    };
    let at = gone.map_or(at, |gone| gone.min(at));
    let kept = store::lock(connection, booking_id).await?;
    forgive(carry_out(connection, ids, &kept, &Command::Overstay(at), now).await).map(drop)
}

/// The car of the active booking is gone, unless it came after the sensor saw the spot free, or may be back.
async fn car_left(
    connection: &mut PgConnection,
    ids: &Ids,
    seen: &Reality,
    now: Timestamp,
) -> Result<(), Error> {
    let at = seen.change_time.min(now);
    match seen.doubt {
        None => end_overstay(connection, ids, seen.spot_id, at, now).await?,
        Some(doubt) => {
            overstay::doubt(connection, seen.spot_id, Some(at), doubt.wait()).await?;
        }
    }
    let Some(kept) = reality::active_on(&mut *connection, seen.spot_id).await? else {
        return Ok(());
    };
    let kept = store::lock(connection, kept.booking.booking_id).await?;
    if kept.booking.arrive_time.is_some_and(|arrived| at < arrived) {
        return Ok(());
    }
    let left = kept.booking.seen_to_leave((at, Cause::Sensor), seen.doubt, &kept.terms.policy, now);
    let Some(left) = left else { return Ok(()) };
    forgive(carry_out(connection, ids, &kept, &left, now).await).map(drop)
}

/// A sensor tells what is; that the books do not follow is no failure of the fact. Whether they do.
pub(super) fn forgive<T>(outcome: Result<T, Error>) -> Result<bool, Error> {
    match outcome {
        Ok(_) => Ok(true),
        Err(Error::BookingStateWrong(_) | Error::ArrivalTooEarly { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
