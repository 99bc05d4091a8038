//! HoldSpot: of all who want a spot for overlapping windows, one gets it.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{LotId, UserId};
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::is_guest;
use parkmesh_platform::fault;
use parkmesh_platform::ids::Ids;
use prost::Message;
use prost_types::Any;

use super::deed::before;
use super::group::{Seat, Target, Verdict};
use crate::app::App;
use crate::convert::booking::{Choice, Wanted};
use crate::convert::inventory::id;
use crate::domain::booking::{
    Booking, CODE_LEN, Place, Price, Terms, check_window, code, hold_end,
};
use crate::domain::inventory::{Lot, Spot};
use crate::domain::rules::rules_of_lot;
use crate::error::{Error, alternatives};
use crate::store::booking::hold::NewHold;
use crate::store::booking::obstacles::Obstacles;
use crate::store::booking::search::Pool;
use crate::store::booking::{self as store, Kept, read};
use crate::store::inventory::spot;
use crate::store::replay::Request;

/// Spots that are picked by chance for who wants any of a pool: a pick in vain costs less than a search.
const PICKS: u8 = 2;

impl App {
    /// Keeps a spot while the driver decides.
    ///
    /// # Errors
    /// What the proto names, or the store's.
    pub async fn hold_spot(
        &self,
        user_id: &UserId,
        request: proto::HoldSpotRequest,
    ) -> Result<proto::HoldSpotResponse, Error> {
        let wanted = Wanted::try_from(&request)?;
        let request_id = id("request_id", &request.request_id)?;
        let key = Request::of(user_id, request_id, "HoldSpot", &request);
        let booking = self.hold(&key, &wanted).await?;
        Ok(proto::HoldSpotResponse { booking: Some(booking) })
    }

    /// Holds what is wanted, or gives the answer that this request has had before.
    pub(super) async fn hold(
        &self,
        key: &Request,
        wanted: &Wanted,
    ) -> Result<proto::Booking, Error> {
        let refused = match self.hold_anew(key, wanted).await {
            Ok(booking) => return Ok(booking),
            Err(refused) => refused,
        };
        // What is refused now may have been granted to this same request before. Whoever was part of a
        // group has looked.
        if matches!(refused, Error::SpotTaken { .. } | Error::SoldOut | Error::TooManyHolds(_)) {
            return Err(refused);
        }
        match self.answered(key).await {
            Ok(None) => Err(refused),
            Ok(Some(before)) => Ok(before),
            Err(Error::RequestIdReused) => Err(Error::RequestIdReused),
            Err(_) => Err(refused),
        }
    }

    /// The booking in the answer that the request has had before.
    pub(super) async fn answered(&self, key: &Request) -> Result<Option<proto::Booking>, Error> {
        let mut connection = self.pool.acquire().await?;
        before(&mut connection, key).await
    }

    async fn hold_anew(&self, key: &Request, wanted: &Wanted) -> Result<proto::Booking, Error> {
        let (target, kept) = self.target(wanted).await?;
        self.check_rules(&target, wanted).await?;
        self.check_guest(&key.subject).await?;
        self.check_churn(&key.subject, target.lot_id()).await?;
        match self.groups.ask(key, wanted, (target.clone(), kept)).await? {
            Verdict::Held(booking) => Ok(*booking),
            Verdict::Answered => self.answered(key).await?.ok_or(Error::Crowded),
            Verdict::SoldOut => Err(Error::SoldOut),
            Verdict::Crowded => Err(Error::Crowded),
            Verdict::Blocked(found) => Err(self.refusal(&target, &kept, &found).await?),
        }
    }

    /// What is wanted, and what it would keep.
    async fn target(&self, wanted: &Wanted) -> Result<(Target, Window), Error> {
        let now = self.clock.now();
        match wanted.choice {
            // Its window was fixed with the allotment, and is sold until its end.
            Choice::Ticket(_) if wanted.window.end() <= now => return Err(Error::WindowPast),
            Choice::Ticket(_) => {}
            _ => check_window(&wanted.window, now)?,
        }
        match wanted.choice {
            Choice::Spot(spot_id, seen) => {
                let spot = self.known.spot(&self.pool, spot_id).await?;
                check_permit(spot.spot_type, wanted.disability_permit)?;
                let lot = self.known.lot(&self.pool, spot.lot_id).await?;
                Ok((Target::Spot(spot, seen), lot.kept(&wanted.window)))
            }
            Choice::Pool(lot_id, spot_type, preferred) => {
                check_permit(spot_type, wanted.disability_permit)?;
                let lot = self.known.lot(&self.pool, lot_id).await?;
                let (kept, pooling) = (lot.kept(&wanted.window), lot.pooling);
                // Whose window is open comes now: where a car stands, theirs cannot, and it would be taken for theirs.
                let empty = wanted.starts_now || wanted.window.start() <= now;
                let pool = Pool { lot_id, spot_type, preferred, empty, kept, pooling };
                // Of what is picked by chance nobody knows whether a car stands there, nor what gaps it leaves.
                let picks = if empty || pooling.is_compact() { 0 } else { PICKS };
                if picks > 0 {
                    self.know_pool(lot_id, spot_type).await?;
                }
                Ok((Target::Pool { pool, picks }, kept))
            }
            Choice::Ticket(allotment_id) => {
                let allotment = self.known.allotment(&self.pool, allotment_id).await?;
                Ok((Target::Ticket(allotment), wanted.window))
            }
        }
    }

    /// Knows the spots of a pool, to be picked from, before an ask for one is lined up. What is old is read anew beside the
    /// call: it would fall behind those who come after it.
    async fn know_pool(&self, lot_id: LotId, spot_type: SpotType) -> Result<(), Error> {
        match self.known.kept_pool(lot_id, spot_type) {
            None => drop(self.known.pool(&self.pool, lot_id, spot_type).await?),
            Some(known) if known.is_fresh() => {}
            Some(_) => {
                let app = self.clone();
                let _beside = self.tasks.detached(async move {
                    // Where it fails, what is known stands until the next try.
                    let _known = app.known.pool(&app.pool, lot_id, spot_type).await;
                });
            }
        }
        Ok(())
    }

    /// Looks whether the lot takes the window there. What is known of the lot may be old, and then it
    /// is read anew; what is old and lets pass, the statement of the hold finds out.
    async fn check_rules(&self, target: &Target, wanted: &Wanted) -> Result<(), Error> {
        let (lot_id, now) = (target.lot_id(), self.clock.now());
        let spot = match target {
            Target::Spot(spot, _) => Some(spot.as_ref()),
            Target::Pool { .. } => None,
            // Its window was fixed by the operator, who may open the lot for it.
            Target::Ticket(_) => return Ok(()),
        };
        let lot = self.known.lot(&self.pool, lot_id).await?;
        if rules_of_lot(&lot, spot, &wanted.window, now).is_ok() {
            return Ok(());
        }
        let lot = self.known.lot_anew(&self.pool, lot_id).await?;
        Ok(rules_of_lot(&lot, spot, &wanted.window, now)?)
    }

    /// A guest's identity stands for one booking: the one that lives, or was paid for. What lapsed or was
    /// given back unpaid is none.
    async fn check_guest(&self, user_id: &UserId) -> Result<(), Error> {
        if is_guest(user_id) && read::has_booking(&self.pool, user_id).await? {
            return Err(Error::GuestHasBooking);
        }
        Ok(())
    }

    /// What a driver is told whose hold something stood in the way of.
    async fn refusal(
        &self,
        target: &Target,
        kept: &Window,
        found: &Obstacles,
    ) -> Result<Error, Error> {
        let Target::Spot(spot, seen) = target else {
            return self.too_many(target).await;
        };
        // Somebody's window wins over everything else that is true: it is what the driver can act on.
        if found.taken {
            return Ok(Error::SpotTaken { extra: self.alternatives(spot, kept).await? });
        }
        if found.out_of_service {
            return Ok(Error::SpotOutOfService);
        }
        if *seen != 0 && *seen != found.spot_version {
            let mut extra = self.alternatives(spot, kept).await?;
            let stands = spot::get(&self.pool, spot.spot_id).await?;
            extra.push(fault::any(&proto::Spot::from(&stands)));
            let (spot_id, version) = (spot.spot_id, stands.version);
            return Ok(Error::SpotVersionStale { spot_id, version, extra });
        }
        self.too_many(target).await
    }

    async fn too_many(&self, target: &Target) -> Result<Error, Error> {
        let lot = self.known.lot(&self.pool, target.lot_id()).await?;
        Ok(Error::TooManyHolds(lot.policy.resolve().max_holds_per_user))
    }

    pub(super) async fn alternatives(&self, spot: &Spot, kept: &Window) -> Result<Vec<Any>, Error> {
        let free = self.offers.deal(&self.pool, spot, kept).await?;
        Ok(alternatives(&free))
    }

    /// The lot of the spot that a request chooses.
    pub(super) async fn lot_of_spot(&self, spot_id: &str) -> Result<LotId, Error> {
        let spot_id = id("spot.spot_id", spot_id)?;
        Ok(self.known.spot(&self.pool, spot_id).await?.lot_id)
    }

    /// Reads a booking that was just answered about.
    pub(super) async fn stands(&self, booking: &proto::Booking) -> Result<Kept, Error> {
        store::get(&self.pool, id("booking_id", &booking.booking_id)?).await
    }
}

/// The hold of a seat, and the answer that goes with it, for a request, its wish and the version of
/// the spot that was seen.
///
/// # Errors
/// [`Error::Broken`] for a price that does not fit.
pub(in crate::app) fn new_hold(
    ids: &Ids,
    lot: &Lot,
    seat: &Seat,
    (key, wanted, seen): (&Request, &Wanted, i64),
    now: Timestamp,
) -> Result<NewHold, Error> {
    let (window, policy) = (wanted.window, lot.policy.resolve());
    let (place, price, spot_type) = match seat {
        Seat::Spot(spot) => {
            let (floor_id, spot_id) = (spot.floor_id, spot.spot_id);
            let spot_number = spot.spot_number.clone();
            // What is wanted is a place in the pool, and the lot promises no more than that.
            let late = matches!(wanted.choice, Choice::Pool(..)) && lot.pooling.binds_late();
            // A car that is there must know where to go.
            let promised = !late || wanted.starts_now;
            let place = Place::Spot { floor_id, spot_id, spot_number, promised };
            (place, Price::of(lot, spot.spot_type, &window)?, Some(spot.spot_type))
        }
        Seat::Ticket(allotment, number) => {
            let place = Place::Ticket { allotment_id: allotment.allotment_id, number: *number };
            (place, Price::of_ticket(allotment.ticket_price), None)
        }
    };
    let is_ticket = matches!(place, Place::Ticket { .. });
    let hold_expire_time = hold_end(&window, policy.hold_ttl, now);
    let booking = Booking {
        booking_id: ids.next(),
        code: code(ids.bytes::<CODE_LEN>()),
        lot_id: lot.lot_id,
        place,
        user_id: key.subject.clone(),
        plate: wanted.plate.clone(),
        window,
        start_time: window.start(),
        state: BookingState::Held,
        price,
        hold_expire_time,
        payment_attempt: None,
        decline_code: None,
        card_due_time: None,
        payment_id: None,
        arrive_time: None,
        depart_time: None,
        leave_time: None,
        final_amount: None,
        overstay_amount: None,
        due_time: Some(hold_expire_time),
        version: 1,
        create_time: now,
        waitlist_entry_id: None,
    };
    let answer = proto::HoldSpotResponse { booking: Some((&booking).into()) };
    Ok(NewHold {
        booking,
        spot_version: seen,
        spot_type,
        lot_version: lot.version,
        turnaround_seconds: if is_ticket { 0 } else { lot.rules.turnaround_seconds },
        max_holds: policy.max_holds_per_user,
        yields: false,
        request: key.clone(),
        response: answer.encode_to_vec(),
    })
}

/// What the lot says to its bookings.
pub(in crate::app) fn terms(lot: &Lot) -> Terms {
    Terms {
        lot_name: lot.name.clone(),
        time_zone: lot.time_zone.clone(),
        policy: lot.policy.resolve(),
        turnaround_seconds: lot.rules.turnaround_seconds,
    }
}

/// An accessible spot is for holders of a permit.
///
/// # Errors
/// [`Error::PermitRequired`].
pub(in crate::app) fn check_permit(
    spot_type: SpotType,
    disability_permit: bool,
) -> Result<(), Error> {
    if spot_type == SpotType::Accessible && !disability_permit {
        return Err(Error::PermitRequired);
    }
    Ok(())
}
