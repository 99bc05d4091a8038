//! HoldSpot: of all who want a spot for overlapping windows, one gets it.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId, UserId};
use parkmesh_platform::fault;
use parkmesh_platform::postgres::{constraint_of, is_retryable, is_unavailable};
use prost::Message;
use prost_types::Any;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

use crate::app::App;
use crate::convert::booking::{Choice, Wanted};
use crate::convert::inventory::id;
use crate::domain::booking::{
    Booking, CODE_LEN, Command, Event, Price, Step, Terms, check_window, code, hold_end,
};
use crate::domain::inventory::{Lot, Spot};
use crate::domain::rules::rules_of_lot;
use crate::error::Error;
use crate::events;
use crate::store::booking::hold::{NewHold, insert};
use crate::store::booking::search::{self, Obstacles};
use crate::store::booking::{self as store, Kept};
use crate::store::replay::{self, Request};

/// Times that one spot is tried: others' lapsed holds, the caller's own other holds and a database
/// that is away for a moment may each cost one.
const TRIES_MAX: u32 = 7;
/// Times that a pool is searched before the crowd is given up on.
const SEARCHES_MAX: u32 = 6;

/// How trying one spot ended.
enum Tried {
    Held(Box<proto::Booking>),
    Blocked(Obstacles),
}

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
        // What is refused now may have been granted to this same request before. Whoever tried a
        // spot has looked.
        if matches!(refused, Error::SpotTaken { .. } | Error::TooManyHolds(_)) {
            return Err(refused);
        }
        match self.answered(key).await {
            Ok(None) => Err(refused),
            Ok(Some(before)) => Ok(before),
            Err(Error::RequestIdReused) => Err(Error::RequestIdReused),
            Err(_) => Err(refused),
        }
    }

    /// The booking in the answer that the request has had before. Answers with a booking are all
    /// encoded alike.
    pub(super) async fn answered(&self, key: &Request) -> Result<Option<proto::Booking>, Error> {
        let mut connection = self.pool.acquire().await?;
        let answer: Option<proto::HoldSpotResponse> = replay::find(&mut connection, key).await?;
        Ok(answer.and_then(|answer| answer.booking))
    }

    async fn hold_anew(&self, key: &Request, wanted: &Wanted) -> Result<proto::Booking, Error> {
        check_window(&wanted.window, self.clock.now())?;
        let connection = self.pool.acquire().await?;
        let mut holding = Holding { app: self, key, wanted, connection };
        match wanted.choice {
            Choice::Spot(spot_id, seen) => holding.this(spot_id, seen).await,
            Choice::Pool(lot_id, spot_type, preferred) => {
                holding.any((lot_id, spot_type), preferred).await
            }
        }
    }

    /// Reads a booking that was just answered about.
    pub(super) async fn stands(&self, booking: &proto::Booking) -> Result<Kept, Error> {
        store::get(&self.pool, id("booking_id", &booking.booking_id)?).await
    }
}

/// One request under way, on one connection: a crowd waits for a connection once each.
struct Holding<'a> {
    app: &'a App,
    key: &'a Request,
    wanted: &'a Wanted,
    connection: PoolConnection<Postgres>,
}

impl Holding<'_> {
    async fn this(&mut self, spot_id: SpotId, seen: i64) -> Result<proto::Booking, Error> {
        let spot = self.app.known.spot(&mut self.connection, spot_id).await?;
        check_permit(spot.spot_type, self.wanted)?;
        let obstacles = match self.try_spot(&spot, seen).await? {
            Tried::Held(booking) => return Ok(*booking),
            Tried::Blocked(obstacles) => obstacles,
        };
        // Somebody's window wins over everything else that is true: it is what the driver can act on.
        if obstacles.taken {
            return Err(Error::SpotTaken { extra: self.told_instead(&spot).await? });
        }
        if obstacles.out_of_service {
            return Err(Error::SpotOutOfService);
        }
        if seen != 0 && seen != obstacles.spot_version {
            let mut extra = self.alternatives(&spot).await?;
            let stands = search::spot(&mut *self.connection, spot_id).await?;
            extra.push(fault::any(&proto::Spot::from(&stands)));
            return Err(Error::SpotVersionStale { spot_id, version: stands.version, extra });
        }
        Err(self.too_many_or_crowd(&obstacles, spot.lot_id).await)
    }

    async fn any(
        &mut self,
        pool: (LotId, SpotType),
        preferred: Option<FloorId>,
    ) -> Result<proto::Booking, Error> {
        check_permit(pool.1, self.wanted)?;
        self.app.known.lot(&mut self.connection, pool.0).await?;
        let window = &self.wanted.window;
        for _search in 0..SEARCHES_MAX {
            let seed = i64::from_be_bytes(self.app.ids.bytes());
            let free =
                search::candidates(&mut *self.connection, pool, preferred, window, seed).await?;
            if free.is_empty() {
                return Err(Error::SoldOut);
            }
            for spot in &free {
                match self.try_spot(spot, 0).await {
                    Ok(Tried::Held(booking)) => return Ok(*booking),
                    Ok(Tried::Blocked(found)) if found.taken || found.out_of_service => {}
                    Ok(Tried::Blocked(found)) => {
                        return Err(self.too_many_or_crowd(&found, pool.0).await);
                    }
                    // Closed since it was found; others may be open.
                    Err(Error::SpotClosed(_)) => {}
                    Err(refused) => return Err(refused),
                }
            }
        }
        Err(Error::Crowded)
    }

    /// Tries one spot until it is held or something stands in the way. When nothing can be seen to
    /// stand in the way, it was a lapsed hold, a lot that has changed or a moment's crossing, and is
    /// tried again.
    async fn try_spot(&mut self, spot: &Spot, seen: i64) -> Result<Tried, Error> {
        let (user_id, window) = (&self.key.subject, &self.wanted.window);
        let request = (user_id, Some(self.key.request_id));
        let mut lapsed = Vec::new();
        let mut last = None;
        let mut looks_first = self.app.crowd.expects(spot.spot_id, window);
        for _try in 0..TRIES_MAX {
            let lot = self.app.known.lot(&mut self.connection, spot.lot_id).await?;
            let tried = match std::mem::take(&mut looks_first) {
                true => Ok(None),
                false => self.try_once(&lot, spot, seen, &lapsed).await,
            };
            match tried {
                Ok(Some(booking)) => return Ok(Tried::Held(Box::new(booking))),
                Ok(None) => {}
                Err(Error::Store(error)) if may_try_again(&error) => {
                    // After a lost connection the outcome is unknown: the request's own row tells.
                    self.connection = self.app.pool.acquire().await?;
                    last = Some(error);
                }
                Err(other) => return Err(other),
            }
            let found =
                search::obstacles(&mut *self.connection, spot.spot_id, window, request).await?;
            if found.answered {
                let before = replay::find(&mut self.connection, self.key).await?;
                let before = before.and_then(|answer: proto::HoldSpotResponse| answer.booking);
                return before.map(|b| Tried::Held(Box::new(b))).ok_or(Error::Crowded);
            }
            let stale = seen != 0 && seen != found.spot_version;
            let full = found.holds >= i64::from(lot.policy.resolve().max_holds_per_user);
            if found.taken || found.out_of_service || stale || full {
                return Ok(Tried::Blocked(found));
            }
            self.app.known.forget_lot(spot.lot_id);
            let again = self.app.known.spot(&mut self.connection, spot.spot_id).await?;
            if !again.is_described_as(spot) {
                // Renumbered, or made for something else: the right to it must be judged anew.
                return Err(Error::Crowded);
            }
            let mine = Some(user_id);
            lapsed = search::lapsed(&mut *self.connection, spot, window, mine).await?;
        }
        Err(last.map_or(Error::Crowded, Error::Store))
    }

    async fn try_once(
        &mut self,
        lot: &Lot,
        spot: &Spot,
        seen: i64,
        lapsed: &[Kept],
    ) -> Result<Option<proto::Booking>, Error> {
        let (app, now) = (self.app, self.app.clock.now());
        let booking = self.new_booking(lot, spot, now)?;
        let mut facts = Vec::with_capacity(lapsed.len() + 1);
        for kept in lapsed {
            let step = kept.booking.transition(&Command::Lapse, &kept.terms.policy, now)?;
            if let Step::Changed(ended, event) = step {
                facts.push(events::fact(&app.ids, now, &ended, &kept.terms, &event));
            }
        }
        let lapsed: Vec<Uuid> = facts.iter().map(|fact| fact.aggregate_id).collect();
        facts.push(events::fact(&app.ids, now, &booking, &terms(lot), &Event::Held));
        let answer = proto::HoldSpotResponse { booking: Some((&booking).into()) };
        let hold = NewHold {
            booking: &booking,
            spot_version: seen,
            spot_type: spot.spot_type,
            lot_version: lot.version,
            max_holds: lot.policy.resolve().max_holds_per_user,
            lapsed: &lapsed,
            facts: &facts,
            request: self.key,
            response: &answer.encode_to_vec(),
        };
        let held = insert(&mut *self.connection, &hold).await?;
        if held || !lapsed.is_empty() {
            app.relay.wake();
        }
        Ok(answer.booking.filter(|_| held))
    }

    fn new_booking(&self, lot: &Lot, spot: &Spot, now: Timestamp) -> Result<Booking, Error> {
        let window = self.wanted.window;
        rules_of_lot(lot, spot, &window, now)?;
        let price = Price::of(&lot.tariff, &window)
            .map_err(|error| Error::Broken(format!("a price does not fit: {error}")))?;
        let hold_expire_time = hold_end(&window, lot.policy.resolve().hold_ttl, now);
        Ok(Booking {
            booking_id: self.app.ids.next(),
            code: code(self.app.ids.bytes::<CODE_LEN>()),
            lot_id: spot.lot_id,
            floor_id: spot.floor_id,
            spot_id: spot.spot_id,
            spot_number: spot.spot_number.clone(),
            user_id: self.key.subject.clone(),
            plate: self.wanted.plate.clone(),
            window,
            start_time: window.start(),
            state: BookingState::Held,
            price,
            hold_expire_time,
            payment_attempt: None,
            decline_code: None,
            payment_id: None,
            arrive_time: None,
            leave_time: None,
            final_amount: None,
            due_time: Some(hold_expire_time),
            version: 1,
            create_time: now,
        })
    }

    /// The alternatives, which a crowd is told together.
    async fn told_instead(&mut self, spot: &Spot) -> Result<Vec<Any>, Error> {
        let (crowd, window) = (&self.app.crowd, self.wanted.window);
        if let Some(told) = crowd.told(spot.spot_id, &window) {
            return Ok(told);
        }
        let told = self.alternatives(spot).await?;
        crowd.note(spot.spot_id, window, &told);
        Ok(told)
    }

    async fn alternatives(&mut self, spot: &Spot) -> Result<Vec<Any>, Error> {
        let free = search::alternatives(&mut *self.connection, spot, &self.wanted.window).await?;
        let alternatives = free.iter().map(|spot| proto::Alternative {
            spot_id: spot.spot_id.to_string(),
            floor_id: spot.floor_id.to_string(),
            spot_number: spot.spot_number.clone(),
            spot_version: spot.version,
        });
        Ok(vec![fault::any(&proto::Alternatives { alternatives: alternatives.collect() })])
    }

    async fn too_many_or_crowd(&mut self, obstacles: &Obstacles, lot_id: LotId) -> Error {
        let max = match self.app.known.lot(&mut self.connection, lot_id).await {
            Ok(lot) => lot.policy.resolve().max_holds_per_user,
            Err(error) => return error,
        };
        if obstacles.holds >= i64::from(max) { Error::TooManyHolds(max) } else { Error::Crowded }
    }
}

fn terms(lot: &Lot) -> Terms {
    Terms {
        lot_name: lot.name.clone(),
        time_zone: lot.time_zone.clone(),
        policy: lot.policy.resolve(),
    }
}

fn check_permit(spot_type: SpotType, wanted: &Wanted) -> Result<(), Error> {
    if spot_type == SpotType::Accessible && !wanted.disability_permit {
        return Err(Error::PermitRequired);
    }
    Ok(())
}

/// The statement may be sent again: it holds at most once whatever became of the first sending.
fn may_try_again(error: &sqlx::Error) -> bool {
    let twin = matches!(constraint_of(error), Some("request_pkey" | "booking_pkey"));
    let lost = is_unavailable(error) && !matches!(error, sqlx::Error::PoolTimedOut);
    twin || lost || is_retryable(error)
}
