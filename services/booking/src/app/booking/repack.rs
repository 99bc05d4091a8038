//! Re-packing: bookings whose spot nobody has been promised move aside, so that one more window finds a spot, or so that nobody is
//! left on a spot that is closed. What is planned from one look at the pool is done in one transaction, and anew when somebody
//! was faster.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{BookingId, LotId, SpotId};
use parkmesh_contracts::window::Window;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{constraint_of, is_retryable, transaction};
use sqlx::PgConnection;

use super::change::end_lapsed;
use crate::app::App;
use crate::domain::booking::{Booking, Place};
use crate::domain::inventory::Spot;
use crate::domain::packing::{Lane, Move, Plan, plan};
use crate::error::Error;
use crate::store::booking::obstacles::{self, Want};
use crate::store::booking::{self as store, pending};
use crate::store::inventory::{lot, spot};

/// Times that a plan is made anew because somebody was faster.
const PLANS_MAX: u32 = 5;
/// Times that a plan looks further around: at what is in the way of what is in the way, and so on.
const LOOKS_MAX: u32 = 8;
/// Bookings on closed spots that are looked at together.
const BLOCKED_MAX: i64 = 100;
/// Such looks of one round.
const BLOCKED_PAGES_MAX: usize = 5;

/// Where room is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::app) struct Room {
    /// The lot.
    pub lot_id: LotId,
    /// The type of spot.
    pub spot_type: SpotType,
    /// When.
    pub kept: Window,
    /// Which spots will do.
    pub on: On,
}

/// Which spots of a pool will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::app) enum On {
    /// Any.
    Any,
    /// Any on which no car stands.
    Empty,
    /// This one.
    Spot(SpotId),
}

/// What became of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Made {
    /// The spot has room now.
    Room(Spot),
    /// There is none, however the pool is packed, or none was found.
    Full,
    /// Somebody was faster: what was planned cannot be done.
    Crossed,
}

/// The spots of a pool and what is kept on them, around a time.
struct Stocked {
    spots: Vec<Spot>,
    lanes: Vec<Lane>,
    /// The time.
    around: Window,
}

/// Reads the pool around a time: the booking `except` keeps nothing.
async fn read(
    connection: &mut PgConnection,
    room: &Room,
    around: &Window,
    except: Option<BookingId>,
) -> Result<Option<Stocked>, Error> {
    let Room { lot_id, spot_type, .. } = *room;
    let spots = spot::of_pool(&mut *connection, lot_id, spot_type).await?;
    let pool = (lot_id, spot_type);
    let Some((mut stock, around)) = pending::stock(connection, pool, around, except).await? else {
        return Ok(None);
    };
    let closures = lot::get(&mut *connection, lot_id).await?.closures;
    let occupied = match room.on {
        On::Empty => {
            let ids: Vec<_> = spots.iter().map(|spot| spot.spot_id.as_uuid()).collect();
            pending::occupied(&mut *connection, lot_id, &ids).await?
        }
        On::Any | On::Spot(_) => Vec::new(),
    };
    let lane = |spot: &Spot| {
        let mut there = stock.remove(&spot.spot_id).unwrap_or_default();
        let place = (spot.floor_id, spot.spot_id);
        let closed = closures.iter().filter(|closure| closure.scope.contains(place));
        there.fixed.extend(closed.map(|closure| closure.window));
        let for_wanted = match room.on {
            On::Any => true,
            On::Empty => !occupied.contains(&spot.spot_id),
            On::Spot(wanted) => wanted == spot.spot_id,
        };
        Lane { spot_id: spot.spot_id, for_wanted, fixed: there.fixed, movable: there.movable }
    };
    let lanes = spots.iter().map(lane).collect();
    Ok(Some(Stocked { spots, lanes, around }))
}

/// A plan, and the spot that it makes room on. What lies beyond the time that is looked at does not move, so that a plan that fails
/// for no instant that is full is made again with a longer look.
async fn find(
    connection: &mut PgConnection,
    room: &Room,
    who: Option<BookingId>,
) -> Result<Option<(Spot, Vec<Move>)>, Error> {
    let mut around = room.kept;
    for _look in 0..LOOKS_MAX {
        let Some(stocked) = read(connection, room, &around, who).await? else { return Ok(None) };
        match plan(&stocked.lanes, &room.kept) {
            Plan::Fits(to, moves) => {
                let to = stocked.spots.into_iter().find(|spot| spot.spot_id == to);
                return Ok(to.map(|to| (to, moves)));
            }
            Plan::None if stocked.around != around => around = stocked.around,
            Plan::None | Plan::Full(_) => break,
        }
    }
    Ok(None)
}

/// Makes room. The booking `who`, whose row is locked, is the one that it is for: it keeps nothing meanwhile, and is on no spot when
/// this returns [`Made::Room`].
///
/// # Errors
/// The store's; `booking_no_overlap` or a lock that was not to be had are somebody who was faster, too.
pub(super) async fn make_room(
    connection: &mut PgConnection,
    ids: &Ids,
    room: &Room,
    who: Option<BookingId>,
    now: Timestamp,
) -> Result<Made, Error> {
    let Some((to, moves)) = find(connection, room, who).await? else { return Ok(Made::Full) };
    // Lapsed holds keep their spots from others until somebody ends them.
    let want = |spot_id: SpotId, kept: Window| Want {
        lot_id: room.lot_id,
        spot_id: Some(spot_id),
        allotment_id: None,
        kept,
        user_id: None,
        request_id: None,
    };
    let mut wants = vec![want(to.spot_id, room.kept)];
    wants.extend(moves.iter().map(|one| want(one.to, one.kept)));
    if !pending::lock(connection, &moves).await? {
        return Ok(Made::Crossed);
    }
    let lapsed = obstacles::lapsed(&mut *connection, &wants).await?;
    let lapsed: Vec<BookingId> = lapsed.iter().map(|kept| kept.booking.booking_id).collect();
    end_lapsed(connection, ids, lapsed, now).await?;
    if let Some(who) = who {
        pending::lift(connection, &[who.as_uuid()]).await?;
    }
    match moves.is_empty() || pending::put(connection, &moves).await? {
        true => Ok(Made::Room(to)),
        false => Ok(Made::Crossed),
    }
}

/// A transaction that must not be committed ends with an error.
enum Undone {
    Crossed,
    Failed(Error),
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        match &error {
            Error::Store(inner) if is_crossing(inner) => Self::Crossed,
            _ => Self::Failed(error),
        }
    }
}

impl From<sqlx::Error> for Undone {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

/// Whether somebody else was faster: took the time on a spot, or is about to.
pub(super) fn is_crossing(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    constraint_of(error) == Some("booking_no_overlap")
        || code.as_deref() == Some("55P03")
        || is_retryable(error)
}

impl App {
    /// Makes room in a pool by moving bookings whose spot nobody has been promised. True when it is worth another look: there is
    /// room now, or others are changing the pool.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::app) async fn repack(&self, room: &Room) -> Result<bool, Error> {
        for _plan in 0..PLANS_MAX {
            let (ids, room) = (self.ids.clone(), *room);
            let done = transaction::<_, Undone, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let now = store::now(&mut *connection).await?;
                    match make_room(connection, &ids, &room, None, now).await? {
                        Made::Room(_) => Ok(true),
                        Made::Full => Ok(false),
                        Made::Crossed => Err(Undone::Crossed),
                    }
                })
            })
            .await;
            match done {
                Ok(done) => {
                    self.relay.wake();
                    return Ok(done);
                }
                Err(Undone::Crossed) => {}
                Err(Undone::Failed(error)) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes bookings whose spot nobody has been promised off spots that are closed for a part of their window, where others are free.
    /// What finds no other stays where it is and is tried again by the clockwork. Returns how many have moved.
    ///
    /// # Errors
    /// The store's; what was moved stays moved.
    pub async fn leave_closed_spots(&self, only: Option<LotId>) -> Result<usize, Error> {
        let (mut moved, mut after) = (0, None);
        for _page in 0..BLOCKED_PAGES_MAX {
            let blocked = pending::blocked(&self.pool, only, after, BLOCKED_MAX).await?;
            after = blocked.last().copied();
            let is_last = i64::try_from(blocked.len()).is_ok_and(|found| found < BLOCKED_MAX);
            for booking_id in blocked {
                moved += usize::from(self.leave_spot(booking_id).await?);
            }
            if is_last {
                break;
            }
        }
        Ok(moved)
    }

    async fn leave_spot(&self, booking_id: BookingId) -> Result<bool, Error> {
        for _plan in 0..PLANS_MAX {
            let ids = self.ids.clone();
            let left = transaction::<_, Undone, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let kept = store::lock(connection, booking_id).await?;
                    let now = store::now(&mut *connection).await?;
                    leave(connection, &ids, &kept.booking, now).await
                })
            })
            .await;
            match left {
                Ok(left) => {
                    self.relay.wake();
                    return Ok(left);
                }
                Err(Undone::Crossed) => {}
                Err(Undone::Failed(error)) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Puts a locked booking on another spot, if it is still one that may move.
async fn leave(
    connection: &mut PgConnection,
    ids: &Ids,
    booking: &Booking,
    now: Timestamp,
) -> Result<bool, Undone> {
    let Place::Spot { spot_id: from, promised: false, .. } = booking.place else {
        return Ok(false);
    };
    if booking.is_due(now) || booking.due_time.is_none() {
        return Ok(false);
    }
    let kept = pending::kept(&mut *connection, booking.booking_id).await?;
    let room = Room { lot_id: booking.lot_id, spot_type: booking.spot_type(), kept, on: On::Any };
    match make_room(connection, ids, &room, Some(booking.booking_id), now).await? {
        Made::Room(to) => {
            let there = Move { booking_id: booking.booking_id, kept, from, to: to.spot_id };
            match pending::put(connection, &[there]).await? {
                true => Ok(true),
                false => Err(Undone::Crossed),
            }
        }
        Made::Full => Ok(false),
        Made::Crossed => Err(Undone::Crossed),
    }
}
