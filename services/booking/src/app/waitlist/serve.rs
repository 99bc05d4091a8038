//! Serving a line: whoever is first in it, and is fitted by what has become free, gets it as a real hold.
//!
//! One writer at a time serves a line, whatever process it is in, and makes one offer in a transaction.
//! Every turn looks from the head of the line anew, so that what becomes free between two turns goes to
//! the first whom it fits as well.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::{Cause, WaitlistPassedReason};
use parkmesh_contracts::ids::{RequestId, SpotId, WaitlistEntryId};
use parkmesh_contracts::window::Window;
use parkmesh_eventbus::outbox;
use parkmesh_platform::postgres::transaction;
use prost::Message;
use sqlx::PgConnection;

use crate::app::App;
use crate::app::booking::group::Seat;
use crate::app::booking::{again, facts_of_lapsed, new_hold, terms};
use crate::convert::booking::{Choice, Wanted};
use crate::domain::booking::{Booking, Event, after, hold_end};
use crate::domain::inventory::{Lot, Spot};
use crate::domain::rules::rules_of_lot;
use crate::domain::waitlist::{Entry, Line, PAUSE, WAITS_MAX};
use crate::error::Error;
use crate::events;
use crate::store::booking as bookings;
use crate::store::booking::hold::{self, NewHold};
use crate::store::booking::obstacles::{self, Want};
use crate::store::inventory::{lot, spot};
use crate::store::replay::{self, Request};
use crate::store::timeline;
use crate::store::waitlist::freed::{self, Mark};
use crate::store::waitlist::{self as store, serve};

/// Offers of one run: other lines get their turn, and the next run goes on.
const OFFERS_MAX: usize = 200;
/// What has become free and is looked at together.
const MARKS_MAX: i64 = 200;
/// Times that others may be faster than the offer to one entry before it is left alone for a while.
const CROSSINGS_MAX: usize = 8;

/// What a turn has come to.
enum Turn {
    /// This spot is kept for somebody.
    Offered(SpotId),
    /// The first in line cannot be served; the next may be.
    Passed,
    /// The offer to this entry crossed something else.
    Crossed(WaitlistEntryId, i64),
    /// Nothing that is free fits anybody.
    Done,
}

impl App {
    /// Lets the line have a spot that somebody else wants, where it has a claim on it.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::app) async fn yield_to_line(
        &self,
        spot: &Spot,
        kept: &Window,
    ) -> Result<(), Error> {
        if store::awaited(&self.pool, &[spot.spot_id], kept).await? == [true] {
            let line = Line { lot_id: spot.lot_id, spot_type: spot.spot_type };
            self.serve_line(line, Some(spot.spot_id)).await?;
        }
        Ok(())
    }

    /// Offers what has become free, and the spot that is `wanted` by somebody else. Returns how many offers
    /// it made.
    ///
    /// # Errors
    /// The store's; the offers made stand.
    pub(super) async fn serve_line(
        &self,
        line: Line,
        wanted: Option<SpotId>,
    ) -> Result<usize, Error> {
        let (mut given, mut crossings) = (Vec::new(), 0);
        while given.len() < OFFERS_MAX {
            match self.turn(line, wanted, &given).await? {
                Turn::Offered(spot_id) => {
                    self.relay.wake();
                    given.push(spot_id);
                    crossings = 0;
                }
                Turn::Passed => crossings = 0,
                Turn::Crossed(..) if crossings < CROSSINGS_MAX => crossings += 1,
                Turn::Crossed(entry_id, version) => {
                    let reason = WaitlistPassedReason::OfferFailed;
                    let now = bookings::now(&self.pool).await?;
                    let mut connection = self.pool.acquire().await?;
                    let pause = (after(now, PAUSE), version);
                    serve::pause(&mut connection, entry_id, pause, reason, now).await?;
                }
                Turn::Done => break,
            }
        }
        Ok(given.len())
    }

    async fn turn(
        &self,
        line: Line,
        wanted: Option<SpotId>,
        given: &[SpotId],
    ) -> Result<Turn, Error> {
        again(|| {
            let (app, given) = (self.clone(), given.to_vec());
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move { app.turn_in(connection, line, wanted, &given).await })
            })
        })
        .await
    }

    async fn turn_in(
        &self,
        connection: &mut PgConnection,
        line: Line,
        wanted: Option<SpotId>,
        given: &[SpotId],
    ) -> Result<Turn, Error> {
        serve::lock(connection, line).await?;
        let mut marks = freed::of_line(connection, line, MARKS_MAX).await?;
        marks.extend(wanted.map(Mark::of));
        if marks.is_empty() {
            return Ok(Turn::Done);
        }
        let first = serve::first_that_fits(connection, line, &marks).await?;
        let now = bookings::now(&mut *connection).await?;
        let Some((entry, spot_id)) = first else {
            freed::forget(connection, &marks).await?;
            // What went to somebody of the line, or was only asked about, passed nobody over.
            marks.retain(|mark| mark.during.is_some() && !given.contains(&mark.spot_id));
            if !marks.is_empty() {
                serve::pass_all(connection, line, &marks, now).await?;
            }
            return Ok(Turn::Done);
        };
        let lot = lot::get(&mut *connection, line.lot_id).await?;
        let spot = spot::get(&mut *connection, spot_id).await?;
        if !store::lock_waiting(connection, entry.entry_id).await? {
            return Ok(Turn::Crossed(entry.entry_id, lot.version));
        }
        if rules_of_lot(&lot, Some(&spot), &entry.window, now).is_err() {
            let (reason, pause) =
                (WaitlistPassedReason::LotRules, (after(now, PAUSE), lot.version));
            serve::pause(connection, entry.entry_id, pause, reason, now).await?;
            return Ok(Turn::Passed);
        }
        match self.offer(connection, &lot, spot, &entry, now).await? {
            true => {
                serve::pass_those_before(connection, &entry, spot_id, now).await?;
                Ok(Turn::Offered(spot_id))
            }
            false => Ok(Turn::Crossed(entry.entry_id, lot.version)),
        }
    }

    /// Holds the spot for an entry that is locked, and tells so. False when somebody was faster.
    async fn offer(
        &self,
        connection: &mut PgConnection,
        lot: &Lot,
        spot: Spot,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let offers = serve::offers(connection, entry.entry_id).await?;
        let hold = self.hold_for(lot, spot, entry, (offers, now))?;
        let want = Want {
            lot_id: lot.lot_id,
            spot_id: hold.booking.spot_id(),
            allotment_id: None,
            kept: lot.kept(&entry.window),
            user_id: Some(&entry.user_id),
            request_id: None,
        };
        let lapsed = obstacles::lapsed(&mut *connection, &[want]).await?;
        let mut facts = facts_of_lapsed(&self.ids, &lapsed, now)?;
        let lapsed: Vec<_> = facts.iter().map(|fact| fact.aggregate_id).collect();
        facts.push(events::fact(&self.ids, now, &hold.booking, &terms(lot), &Event::Held));
        let holds = std::slice::from_ref(&hold);
        let group = hold::Group { holds, lapsed: &lapsed, facts: &facts, now };
        if hold::insert(&mut *connection, &group).await?.is_empty() {
            return Ok(false);
        }
        let booking = &hold.booking;
        serve::offered(connection, entry.entry_id, booking.booking_id).await?;
        timeline::sign(connection, Cause::Waitlist, None).await?;
        let told = events::offered(&self.ids, now, booking, &terms(lot));
        outbox::append(connection, &[told]).await?;
        Ok(true)
    }

    /// The hold that is an offer. The limit of holds does not refuse it, but it counts among the driver's
    /// holds as any other.
    fn hold_for(
        &self,
        lot: &Lot,
        spot: Spot,
        entry: &Entry,
        (offers, now): (i32, Timestamp),
    ) -> Result<NewHold, Error> {
        let wanted = Wanted {
            choice: Choice::Pool(lot.lot_id, entry.line.spot_type, entry.preferred),
            window: entry.window,
            plate: entry.plate.clone(),
            disability_permit: entry.disability_permit,
            starts_now: false,
        };
        let request_id = RequestId::from(entry.entry_id.as_uuid());
        let key = Request {
            subject: entry.user_id.clone(),
            request_id: replay::step(request_id, format!("offer {offers}").as_bytes()),
            method: "OfferSpot",
            body_hash: [0; 32],
        };
        let seat = Seat::Spot(spot.into());
        let hold = new_hold(&self.ids, lot, &seat, (&key, &wanted, 0), now)?;
        let hold_expire_time = hold_end(&entry.window, lot.waiting.offer_ttl(), now);
        let booking = Booking {
            hold_expire_time,
            due_time: Some(hold_expire_time),
            waitlist_entry_id: Some(entry.entry_id),
            ..hold.booking
        };
        let answer = proto::HoldSpotResponse { booking: Some((&booking).into()) };
        Ok(NewHold {
            booking,
            max_holds: hold.max_holds + WAITS_MAX,
            response: answer.encode_to_vec(),
            ..hold
        })
    }
}
