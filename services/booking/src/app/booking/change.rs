//! Another window or another spot for a booking that goes on, guarded as a new booking is.
//!
//! Where it costs more, three steps, each of which may be the last that this process takes: the change
//! is looked at and its price difference noted, payment sets the difference aside, the change is made
//! if it is still possible. No lock is held while payment answers, and whoever is slower than the
//! clockwork gets the money back instead of the change. The exclusion constraint decides last.

use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{BookingId, PaymentId, SpotId};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault::any;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{constraint_of, transaction};
use sqlx::PgConnection;
use uuid::Uuid;

use super::confirm::{attempt_of, may_try_again};
use super::deed::{Deed, before};
use super::payment::Authorized;
use super::{again, carry_out};
use crate::app::App;
use crate::domain::booking::{Booking, Command, Step, Target, check_window};
use crate::domain::inventory::Spot;
use crate::domain::rules::rules_of_lot;
use crate::domain::waitlist::newly_kept;
use crate::error::Error;
use crate::store::booking::difference::{self, Difference};
use crate::store::booking::{self as store, Kept, change};
use crate::store::inventory::{lot, spot};
use crate::store::replay::Request;
use crate::store::waitlist;

/// Times that the last step is tried when the database is away: the money is set aside already.
const CHANGE_TRIES_MAX: u32 = 4;

/// What a driver wants of a booking.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// A later end.
    Extend(Timestamp),
    /// Another spot with the version seen, another window, or both.
    Move {
        /// The spot; None for the one it has.
        spot: Option<(SpotId, i64)>,
        /// The window; None for the one it has.
        window: Option<Window>,
        /// The driver has a permit for accessible spots.
        disability_permit: bool,
    },
}

/// A wish that can be granted now.
struct Plan {
    command: Command,
    /// What is to be set aside beside what is; zero or more.
    difference: Money,
}

/// What is known after the first step.
enum Begun {
    Answered(Box<proto::Booking>),
    /// It costs no more than before.
    Free,
    /// This is to be set aside.
    Costs(Difference),
}

impl Wish {
    /// The spot and the window that are wanted; None for those that the booking has.
    fn goal(&self, booking: &Booking) -> (Option<SpotId>, Option<Window>) {
        match self {
            Self::Extend(end) => (None, Window::try_new(booking.window.start(), *end).ok()),
            Self::Move { spot, window, .. } => (spot.map(|(spot_id, _)| spot_id), *window),
        }
    }

    /// What the wish comes to for a locked booking, if nothing is in its way. Lapsed holds that are
    /// end with it.
    ///
    /// # Errors
    /// Whatever refuses it; [`Error::SpotTaken`] without alternatives.
    async fn plan(
        &self,
        connection: &mut PgConnection,
        ids: &Ids,
        kept: &Kept,
        paid: Option<PaymentId>,
        now: Timestamp,
    ) -> Result<Plan, Error> {
        let (booking, policy) = (&kept.booking, &kept.terms.policy);
        let mine = booking.spot_id().ok_or(Error::TicketFixed)?;
        let (spot_id, seen) = match self {
            Self::Move { spot: Some(spot), .. } => *spot,
            Self::Move { .. } | Self::Extend(_) => (mine, 0),
        };
        let spot = spot::lock(connection, spot_id).await?;
        if spot.lot_id != booking.lot_id {
            return Err(Error::SpotNotFound);
        }
        let command = match self {
            Self::Extend(end) => Command::Extend(*end, paid),
            Self::Move { spot: chosen, window, disability_permit } => {
                if spot_id != mine {
                    super::hold::check_permit(spot.spot_type, *disability_permit)?;
                }
                let window = match window.filter(|window| *window != booking.window) {
                    Some(window) => check_window(&window, now).map(|()| window)?,
                    None => booking.window,
                };
                Command::Move(Box::new(target(kept, &spot, chosen.is_some(), &window)?), paid)
            }
        };
        let Step::Changed(next, _) = booking.transition(&command, policy, now)? else {
            return Err(Error::Broken("a change changes nothing".to_owned()));
        };
        let lot = lot::get(&mut *connection, booking.lot_id).await?;
        rules_of_lot(&lot, Some(&spot), &next.booked_window(), now)?;
        if !is_free(connection, ids, kept, &next, now).await? {
            return Err(Error::SpotTaken { extra: Vec::new() });
        }
        // Whoever waits was served before, and claims only what has become free since.
        let keeps = kept.kept(&next.window);
        if lot.has_waiting && is_claimed(connection, kept, spot_id, &keeps).await? {
            return Err(Error::SpotTaken { extra: Vec::new() });
        }
        if spot.out_of_service {
            return Err(Error::SpotOutOfService);
        }
        if seen != 0 && seen != spot.version {
            let (version, extra) = (spot.version, vec![any(&proto::Spot::from(&spot))]);
            return Err(Error::SpotVersionStale { spot_id, version, extra });
        }
        let difference = next.price.amount.checked_sub(booking.price.amount);
        let difference = difference.map_err(|error| Error::Broken(error.to_string()))?;
        Ok(Plan { command, difference })
    }
}

/// Where a move leads, at the frozen tariff: what another type of spot costs there, what the same costs
/// as it was quoted.
fn target(kept: &Kept, spot: &Spot, chosen: bool, window: &Window) -> Result<Target, Error> {
    let (booking, zone) = (&kept.booking, &kept.terms.time_zone);
    let priced_for = booking.price.fare.as_ref().map(|fare| fare.spot_type());
    let price = match booking.spot_id() == Some(spot.spot_id) || priced_for == Some(spot.spot_type)
    {
        true if *window == booking.window => booking.price.clone(),
        true => {
            booking.price.of_window(window).map_err(|error| Error::Broken(error.to_string()))?
        }
        false => booking.price.of_type(spot.spot_type, zone, window)?,
    };
    // Only who chooses a spot is promised one.
    let place = match chosen {
        true => spot.place(),
        false => booking.place.clone(),
    };
    Ok(Target { place, window: *window, price })
}

/// Whether the spot of what the booking is to become is nobody else's for all that it would keep.
/// Lapsed holds in the way are ended.
///
/// # Errors
/// The store's.
pub(super) async fn is_free(
    connection: &mut PgConnection,
    ids: &Ids,
    kept: &Kept,
    next: &Booking,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(spot_id) = next.spot_id() else { return Ok(true) };
    let (booking_id, window) = (next.booking_id, kept.kept(&next.window));
    let met = change::in_the_way(&mut *connection, booking_id, spot_id, &window).await?;
    if met.iter().any(|(_, lapsed)| !lapsed) {
        return Ok(false);
    }
    end_lapsed(connection, ids, met.into_iter().map(|(lapsed, _)| lapsed), now).await?;
    Ok(true)
}

/// Ends holds that have lapsed.
///
/// # Errors
/// The store's.
pub(super) async fn end_lapsed(
    connection: &mut PgConnection,
    ids: &Ids,
    lapsed: impl IntoIterator<Item = BookingId>,
    now: Timestamp,
) -> Result<(), Error> {
    for lapsed in lapsed {
        let lapsed = store::lock(connection, lapsed).await?;
        match carry_out(connection, ids, &lapsed, &Command::Lapse, now).await {
            // It has become something else meanwhile: the constraint sees what.
            Ok(_) | Err(Error::BookingStateWrong(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What a booking would keep that it does not keep now.
fn newly_kept_on(kept: &Kept, spot_id: SpotId, keeps: &Window) -> Vec<Window> {
    match kept.booking.spot_id() == Some(spot_id) {
        true => newly_kept(&kept.kept(&kept.booking.window), keeps),
        false => vec![*keeps],
    }
}

/// Whether those who wait have a claim on some of it.
async fn is_claimed(
    connection: &mut PgConnection,
    kept: &Kept,
    spot_id: SpotId,
    keeps: &Window,
) -> Result<bool, Error> {
    for keeps in newly_kept_on(kept, spot_id, keeps) {
        if waitlist::awaited(&mut *connection, &[spot_id], &keeps).await? == [true] {
            return Ok(true);
        }
    }
    Ok(false)
}

impl App {
    /// Grants a wish once for this request, and answers as the first time. Goes on also when the
    /// caller goes away.
    ///
    /// # Errors
    /// What the protos of ExtendBooking and MoveBooking name, or the store's.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        key: Request,
        booking_id: BookingId,
        wish: Wish,
        payment_method: String,
    ) -> Result<proto::Booking, Error> {
        let (app, caller) = (self.clone(), caller.clone());
        let changing = self.tasks.detached(async move {
            app.serve_line_first(booking_id, &wish).await?;
            let done = app.change_here(&caller, &key, booking_id, &wish, &payment_method).await;
            app.relay.wake();
            match done {
                Err(Error::SpotTaken { .. }) => Err(app.taken(booking_id, &wish).await?),
                Err(Error::Store(error)) if constraint_of(&error) == Some("booking_no_overlap") => {
                    Err(app.taken(booking_id, &wish).await?)
                }
                done => done,
            }
        });
        changing.await.map_err(|error| Error::Broken(error.to_string()))?
    }

    async fn change_here(
        &self,
        caller: &Caller,
        key: &Request,
        booking_id: BookingId,
        wish: &Wish,
        payment_method: &str,
    ) -> Result<proto::Booking, Error> {
        let attempt = attempt_of(booking_id, key, payment_method);
        let difference =
            match self.begin_change(key, booking_id, wish, payment_method, attempt).await? {
                Begun::Answered(booking) => return Ok(*booking),
                Begun::Free => {
                    let wish = wish.clone();
                    return self
                        .deed(caller, key, booking_id, move |deed: Deed<'_>| {
                            let wish = wish.clone();
                            Box::pin(async move { make(deed, &wish, None).await })
                        })
                        .await;
                }
                Begun::Costs(difference) => difference,
            };
        let booking = store::get(&self.pool, booking_id).await?.booking;
        match self.authorize_difference(&booking, &difference).await {
            Authorized::Yes(payment_id) => {
                self.finish_change(key, booking_id, wish, (difference, payment_id)).await
            }
            Authorized::No(error) => {
                difference::end(&self.pool, attempt, true).await?;
                match error {
                    // Payment has heard of the booking's end before us.
                    Error::HoldExpired => {
                        let ended = store::get(&self.pool, booking_id).await?.booking;
                        Err(Error::BookingStateWrong(ended.state))
                    }
                    error => Err(error),
                }
            }
            Authorized::Acts(_) | Authorized::Unknown => Err(Error::PaymentUnknown),
        }
    }

    /// The first step: whether the change is possible, and what is to be set aside for it.
    async fn begin_change(
        &self,
        key: &Request,
        booking_id: BookingId,
        wish: &Wish,
        payment_method: &str,
        attempt: Uuid,
    ) -> Result<Begun, Error> {
        again(|| {
            let (ids, key, wish) = (self.ids.clone(), key.clone(), wish.clone());
            let payment_method = payment_method.to_owned();
            transaction::<_, Error, _>(&self.pool, move |connection| {
                Box::pin(async move {
                    let kept = store::lock(connection, booking_id).await?;
                    if let Some(before) = before(connection, &key).await? {
                        return Ok(Begun::Answered(Box::new(before)));
                    }
                    let lapsed = match difference::find(&mut *connection, attempt).await? {
                        Some(known) if known.open => return Ok(Begun::Costs(known)),
                        known => known.is_some(),
                    };
                    let now = store::now(&mut *connection).await?;
                    let plan = wish.plan(connection, &ids, &kept, None, now).await?;
                    // Whoever is to ask anew is told first what would be in the way of that as well.
                    if lapsed {
                        return Err(Error::ChangeLapsed);
                    }
                    if plan.difference.minor == 0 {
                        return Ok(Begun::Free);
                    }
                    let (amount, additional) = (plan.difference, kept.booking.payment_id.is_some());
                    if payment_method.is_empty() && !additional {
                        let why = "is required: nothing was paid yet";
                        return Err(Error::field("payment_method", why));
                    }
                    let difference = Difference {
                        attempt,
                        booking_id,
                        amount,
                        payment_method,
                        additional,
                        open: true,
                    };
                    match difference::begin(connection, &difference, now).await? {
                        true => Ok(Begun::Costs(difference)),
                        false => Err(Error::PaymentUnknown),
                    }
                })
            })
        })
        .await
    }

    /// The last step. The money is there: either it covers the change, or it is given back.
    async fn finish_change(
        &self,
        key: &Request,
        booking_id: BookingId,
        wish: &Wish,
        (difference, payment_id): (Difference, PaymentId),
    ) -> Result<proto::Booking, Error> {
        let attempt = difference.attempt;
        let mut tries = 0;
        loop {
            tries += 1;
            let (wish, paid) = (wish.clone(), (difference.clone(), payment_id));
            let making = self.deed_once(None, key, booking_id, move |deed: Deed<'_>| {
                let (wish, paid) = (wish.clone(), paid.clone());
                Box::pin(async move { make(deed, &wish, Some(paid)).await })
            });
            match making.await {
                Ok(booking) => return Ok(booking),
                Err(Error::Store(error)) if tries < CHANGE_TRIES_MAX && may_try_again(&error) => {
                    self.tasks.sleep(super::confirm::RESERVE_WAIT * tries).await;
                }
                // The outcome is not known: whoever repeats the call finds it out.
                Err(Error::Store(error)) if may_try_again(&error) => {
                    return Err(Error::Store(error));
                }
                Err(refused) => {
                    let now = self.clock.now();
                    if difference::drop_it(&self.pool, attempt, now).await? {
                        self.give_back_difference(attempt, payment_id);
                    }
                    return Err(refused);
                }
            }
        }
    }

    /// Lets those who wait have what the wish would keep, where they have a claim on it.
    async fn serve_line_first(&self, booking_id: BookingId, wish: &Wish) -> Result<(), Error> {
        let kept = store::get(&self.pool, booking_id).await?;
        let (wanted, window) = wish.goal(&kept.booking);
        let Some(spot_id) = wanted.or(kept.booking.spot_id()) else { return Ok(()) };
        let keeps = kept.kept(&window.unwrap_or(kept.booking.window));
        let spot = self.known.spot(&self.pool, spot_id).await?;
        for keeps in newly_kept_on(&kept, spot_id, &keeps) {
            self.yield_to_line(&spot, &keeps).await?;
        }
        Ok(())
    }

    /// What a driver is told whose wish somebody else's booking stands in the way of. A car that
    /// stands somewhere already is told nothing else.
    async fn taken(&self, booking_id: BookingId, wish: &Wish) -> Result<Error, Error> {
        let kept = store::get(&self.pool, booking_id).await?;
        let booking = &kept.booking;
        if matches!(wish, Wish::Extend(_)) && booking.arrive_time.is_some() {
            return Ok(Error::SpotTaken { extra: Vec::new() });
        }
        let (wanted, window) = wish.goal(booking);
        let Some(spot_id) = wanted.or(booking.spot_id()) else { return Err(Error::TicketFixed) };
        let spot = self.known.spot(&self.pool, spot_id).await?;
        let kept = kept.kept(&window.unwrap_or(booking.window));
        Ok(Error::SpotTaken { extra: self.alternatives(&spot, &kept).await? })
    }
}

/// Makes the change, if it is possible now and what was set aside covers it.
async fn make(
    mut deed: Deed<'_>,
    wish: &Wish,
    paid: Option<(Difference, PaymentId)>,
) -> Result<Booking, Error> {
    let payment_id = paid.as_ref().map(|(_, payment_id)| *payment_id);
    let Deed { connection, ids, kept, now } = &mut deed;
    let plan = wish.plan(connection, ids, kept, payment_id, *now).await?;
    let covered = paid.as_ref().map_or(0, |(difference, _)| difference.amount.minor);
    if plan.difference.minor > covered {
        // Another change came between, from which on it costs more.
        return Err(Error::ChangeLapsed);
    }
    if let Some((difference, _)) = paid
        && !difference::adopt(connection, difference.attempt).await?
    {
        return Err(Error::ChangeLapsed);
    }
    deed.carry_out(&plan.command).await
}
