//! CreateBookingSeries: the occurrences of a rule, each a CreateBooking of its own.
//!
//! Each occurrence has a request id that follows from the series' and its day, so that a repetition
//! finds what the call before has booked, also when that one died in the middle. When all have been
//! tried the whole answer is kept under the series' own id: what was refused then stays refused for this
//! request, whatever has become free since.

use jiff::tz::TimeZone;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::LotId;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::postgres::transaction;

use super::confirm::{Goal, IfAsked};
use super::deed::request_of;
use super::own;
use crate::app::App;
use crate::convert::inventory::id;
use crate::convert::series::{occurrence, outcome};
use crate::domain::inventory::Lot;
use crate::domain::series::{Occurrence, Rule};
use crate::error::Error;
use crate::store::booking::read::Reach;
use crate::store::replay::{self, Request};

impl App {
    /// Books every occurrence of a rule.
    ///
    /// # Errors
    /// What the proto names, or the store's: then some occurrences may be booked, and the same request
    /// goes on with the others.
    pub async fn create_booking_series(
        &self,
        caller: &Caller,
        request: proto::CreateBookingSeriesRequest,
    ) -> Result<proto::CreateBookingSeriesResponse, Error> {
        let key = request_of(caller, &request.request_id, "CreateBookingSeries", &request)?;
        let mut connection = self.pool.acquire().await?;
        if let Some(before) = replay::find(&mut connection, &key).await? {
            return Ok(before);
        }
        drop(connection);
        let rule = request.rule.as_ref().ok_or_else(|| Error::field("rule", "is required"))?;
        let rule = Rule::try_from(rule)?;
        let lot_id = self.lot_of_series(&request).await?;
        let lot = self.known.lot_anew(&self.pool, lot_id).await?;
        let occurrences = rule.occurrences(&zone_of(&lot))?;
        let (app, reach) = (self.clone(), own(caller));
        // A client that goes away must not leave an occurrence held and not confirmed.
        let booking = self
            .tasks
            .detached(async move { app.book_series(&reach, key, &request, &occurrences).await });
        booking.await.map_err(|error| Error::Broken(error.to_string()))?
    }

    async fn lot_of_series(
        &self,
        request: &proto::CreateBookingSeriesRequest,
    ) -> Result<LotId, Error> {
        use proto::create_booking_series_request::Choice;
        match &request.choice {
            Some(Choice::Spot(spot)) => self.lot_of_spot(&spot.spot_id).await,
            Some(Choice::Pool(pool)) => id("pool.lot_id", &pool.lot_id),
            None => Err(Error::field("choice", "is required")),
        }
    }

    async fn book_series(
        &self,
        reach: &Reach,
        key: Request,
        request: &proto::CreateBookingSeriesRequest,
        occurrences: &[Occurrence],
    ) -> Result<proto::CreateBookingSeriesResponse, Error> {
        let mut told = Vec::with_capacity(occurrences.len());
        let mut declined = None;
        for one in occurrences {
            let booked = match declined.take() {
                Some(declined) => Err(declined),
                None => self.book_occurrence(reach, &key, request, one).await,
            };
            match booked {
                Ok(booking) => told.push(outcome(one, Ok(booking))),
                Err(error) if is_unsettled(&error) => return Err(error),
                Err(error) => {
                    told.push(outcome(one, Err(&error)));
                    // A card that was refused once is not shown to its bank again and again.
                    let of_card =
                        matches!(error, Error::PaymentDeclined { .. } | Error::Invalid(_));
                    declined = of_card.then_some(error);
                }
            }
        }
        let answer = proto::CreateBookingSeriesResponse { occurrences: told };
        let now = self.clock.now();
        transaction::<_, Error, _>(&self.pool, move |connection| {
            Box::pin(async move {
                let before = replay::claim(connection, &key, &answer, now).await?;
                Ok(before.unwrap_or(answer))
            })
        })
        .await
    }

    async fn book_occurrence(
        &self,
        reach: &Reach,
        key: &Request,
        request: &proto::CreateBookingSeriesRequest,
        one: &Occurrence,
    ) -> Result<proto::Booking, Error> {
        let window = one.window.ok_or_else(|| {
            let why = "is none on this day: the clock is put forward over all of it";
            Error::WindowInvalid(why.to_owned())
        })?;
        let wanted = occurrence(request, window)?;
        let request_id = replay::step(key.request_id, one.date.to_string().as_bytes());
        let key = Request { request_id, ..key.clone() };
        // Nobody is sent to their bank's page once for every occurrence.
        let goal = Goal::Reservation(IfAsked::Refuse);
        let booked = self.create(reach, &key, &wanted, &request.payment_method, &goal).await?;
        booked.booking.ok_or_else(|| Error::Broken("an answer without its booking".to_owned()))
    }
}

/// Whether it is no outcome of an occurrence but a failure of the call, after which nobody knows.
const fn is_unsettled(error: &Error) -> bool {
    matches!(
        error,
        Error::Store(_)
            | Error::Bus(_)
            | Error::Broken(_)
            | Error::Crowded
            | Error::PaymentUnknown
            | Error::RequestIdReused
    )
}

/// The zone in which the lot's times are told. One that this binary no longer knows is no reason to keep
/// everybody out.
fn zone_of(lot: &Lot) -> TimeZone {
    TimeZone::get(&lot.time_zone).unwrap_or(TimeZone::UTC)
}
