//! One group, from the search for free spots to a verdict for each of its asks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{LotId, RequestId, UserId};
use parkmesh_contracts::window::Window;
use parkmesh_eventbus::outbox::Row as FactRow;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{OwnConnection, constraint_of, is_retryable, is_unavailable};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::queue::{Drawn, TRIES_MAX, Try};
use super::room::Cramped;
use super::{Ask, Seat, Target, Verdict};
use crate::app::App;
use crate::app::booking::hold::{check_permit, new_hold, terms};
use crate::domain::booking::{Command, Event, Step};
use crate::domain::inventory::Lot;
use crate::domain::rules::{RuleRefusal, rules_of_lot};
use crate::error::Error;
use crate::events;
use crate::store::booking::Kept;
use crate::store::booking::hold::{self, NewHold};
use crate::store::booking::obstacles::{self, Obstacles, Want};

/// Times that an ask is part of a group before the crowd is given up on.
const ROUNDS_MAX: u32 = 100;
/// Times that an ask is tried again when the database failed under it.
const FAILURES_MAX: u32 = 7;
/// Asks of a failed group that are tried at the same time, each by itself.
const SINGLES_MAX: usize = 8;

type Lots = HashMap<LotId, Arc<Lot>>;

/// A group at work: the asks that are not decided yet go back to the queue.
pub(super) struct Work<'a> {
    pub(super) app: &'a App,
    back: Vec<Ask>,
    /// Those for whom room may be made.
    pub(super) cramped: Vec<Cramped>,
    /// Lots read since the statement.
    anew: Lots,
}

/// A hold that was tried, and what became of it.
struct Tried {
    one: Try,
    outcome: Result<Option<proto::Booking>, Error>,
}

impl App {
    /// Decides a group. Returns the asks that are to be tried again.
    pub(super) async fn write_group(
        &self,
        group: u64,
        drawn: Drawn,
        connection: &mut OwnConnection,
    ) -> Vec<Ask> {
        let Drawn { mut tries, riders, searches } = drawn;
        let mut work = Work { app: self, back: Vec::new(), cramped: Vec::new(), anew: Lots::new() };
        let claims = searches.iter().any(|ask| matches!(ask.target, Target::Pool { .. }));
        let searches = (group, searches);
        let sold_out = match self.search(connection, searches, &mut tries, &mut work).await {
            Ok(sold_out) => sold_out,
            Err((error, asks)) => {
                work.failed(asks, &error);
                Vec::new()
            }
        };
        let sold_out = work.take_cramped(sold_out);
        work.refuse_sold_out(sold_out).await;
        let mut undecided = Vec::new();
        let tried = self.hold_all(tries, connection).await;
        if claims {
            connection.unlock().await;
        }
        for Tried { one, outcome } in tried {
            match outcome {
                Ok(Some(booking)) => answer(one.ask, Ok(Verdict::Held(Box::new(booking)))),
                Ok(None) => undecided.push((one.ask, one.seat)),
                Err(error) => work.failed(vec![one.ask], &error),
            }
        }
        for rider in riders {
            if let Target::Spot(spot, _) = &rider.target {
                let seat = Seat::Spot(Arc::clone(spot));
                undecided.push((rider, seat));
            }
        }
        work.look(undecided).await;
        work.make_room().await;
        work.back
    }

    /// Finds a free spot or number for each ask that needs one. Returns those for whom nothing is
    /// free.
    async fn search(
        &self,
        connection: &mut OwnConnection,
        (group, asks): (u64, Vec<Ask>),
        tries: &mut Vec<Try>,
        work: &mut Work<'_>,
    ) -> Result<Vec<Ask>, (Error, Vec<Ask>)> {
        let free = match self.free(connection, &asks).await {
            Ok(free) => free,
            Err(error) => {
                connection.close();
                return Err((error, asks));
            }
        };
        let mut sold_out = Vec::new();
        for mut ask in asks {
            if tries.len() >= TRIES_MAX {
                // Not its turn yet.
                work.back.push(ask);
                continue;
            }
            let (seat, nothing) = free.choose(&mut self.groups.lock(), group, &ask.target);
            ask.target.search();
            match seat {
                Some(seat) => tries.push(Try { ask, seat }),
                None if nothing => sold_out.push(ask),
                // All that is free is being tried for: what is left of it is known in a moment.
                None => work.again(ask),
            }
        }
        Ok(sold_out)
    }

    /// Tries all in one statement, or each by itself when that fails.
    async fn hold_all(&self, tries: Vec<Try>, connection: &mut OwnConnection) -> Vec<Tried> {
        if tries.is_empty() {
            return Vec::new();
        }
        let made = match connection.get().await {
            Ok(connection) => self.hold_once(connection, &tries).await,
            Err(error) => Err(error.into()),
        };
        if made.is_err() {
            connection.close();
        }
        match made {
            Ok(made) => tries
                .into_iter()
                .zip(made)
                .map(|(one, booking)| Tried { one, outcome: Ok(booking) })
                .collect(),
            Err(error) if tries.len() == 1 || concerns_all(&error) => {
                tries.into_iter().map(|one| Tried { one, outcome: Err(error.again()) }).collect()
            }
            // One of them is not as it should be: the others must not suffer for it.
            Err(_) => {
                stream::iter(tries)
                    .map(|one| async move {
                        let outcome = self.hold_once(&self.pool, std::slice::from_ref(&one)).await;
                        let outcome = outcome.map(|mut made| made.pop().flatten());
                        Tried { one, outcome }
                    })
                    .buffer_unordered(SINGLES_MAX)
                    .collect()
                    .await
            }
        }
    }

    /// The one statement. What it held, in the order of the tries.
    async fn hold_once(
        &self,
        executor: impl PgExecutor<'_>,
        tries: &[Try],
    ) -> Result<Vec<Option<proto::Booking>>, Error> {
        let lots = self.lots_of(tries).await?;
        let reclaims: Vec<Want<'_>> = tries
            .iter()
            .filter(|one| one.ask.reclaims)
            .map(|one| want(&one.ask, &one.seat))
            .collect();
        let lapsed = match reclaims.is_empty() {
            true => Vec::new(),
            false => obstacles::lapsed(&self.pool, &reclaims).await?,
        };
        let now = self.clock.now();
        let mut facts = facts_of_lapsed(&self.ids, &lapsed, now)?;
        let lapsed: Vec<Uuid> = facts.iter().map(|fact| fact.aggregate_id).collect();
        let (mut holds, mut places) = (Vec::with_capacity(tries.len()), Vec::new());
        for Try { ask, seat } in tries {
            let lot = lots.get(&seat.lot_id()).ok_or(Error::LotNotFound)?;
            if rules_of_seat(lot, seat, &ask.wanted.window, now).is_err() {
                // Changed since it was checked, or a spot of a pool that is closed: see `judge`.
                places.push(None);
                continue;
            }
            let (hold, fact) = self.held(ask, lot, seat, now)?;
            places.push(Some(holds.len()));
            holds.push(hold);
            facts.push(fact);
        }
        if holds.is_empty() {
            return Ok(vec![None; tries.len()]);
        }
        let group = hold::Group { holds: &holds, lapsed: &lapsed, facts: &facts, now };
        let made = hold::insert(executor, &group).await?;
        if !made.is_empty() || !lapsed.is_empty() {
            self.relay.wake();
        }
        let booking = |place: Option<usize>| {
            let hold: &NewHold = holds.get(place?)?;
            let is_made = made.contains(&hold.booking.booking_id.as_uuid());
            is_made.then(|| (&hold.booking).into())
        };
        Ok(places.into_iter().map(booking).collect())
    }

    fn held(
        &self,
        ask: &Ask,
        lot: &Lot,
        seat: &Seat,
        now: Timestamp,
    ) -> Result<(NewHold, FactRow), Error> {
        let seen = ask.target.seen();
        let hold = new_hold(&self.ids, lot, seat, (&ask.key, &ask.wanted, seen), now)?;
        let hold = NewHold { yields: ask.target.is_picked(), ..hold };
        let fact = events::fact(&self.ids, now, &hold.booking, &terms(lot), &Event::Held);
        Ok((hold, FactRow { trace_parent: ask.trace_parent.clone(), ..fact }))
    }

    async fn lots_of(&self, tries: &[Try]) -> Result<Lots, Error> {
        let ids: HashSet<LotId> = tries.iter().map(|one| one.seat.lot_id()).collect();
        let mut lots = Lots::with_capacity(ids.len());
        for lot_id in ids {
            lots.insert(lot_id, self.known.lot(&self.pool, lot_id).await?);
        }
        Ok(lots)
    }
}

/// What is told of holds that have lapsed, if they are ended.
///
/// # Errors
/// A price that cannot be told.
pub(in crate::app) fn facts_of_lapsed(
    ids: &Ids,
    lapsed: &[Kept],
    now: Timestamp,
) -> Result<Vec<FactRow>, Error> {
    let mut facts = Vec::with_capacity(lapsed.len());
    for kept in lapsed {
        let step = kept.booking.transition(&Command::Lapse, &kept.terms.policy, now)?;
        if let Step::Changed(ended, event) = step {
            facts.push(events::fact(ids, now, &ended, &kept.terms, &event));
        }
    }
    Ok(facts)
}

impl Work<'_> {
    /// Tells those for whom nothing is free.
    pub(super) async fn refuse_sold_out(&mut self, asks: Vec<Ask>) {
        if asks.is_empty() {
            return;
        }
        let requests: Vec<(&UserId, RequestId)> =
            asks.iter().map(|ask| (&ask.key.subject, ask.key.request_id)).collect();
        match obstacles::answered(&self.app.pool, &requests).await {
            Ok(answered) => {
                for (ask, answered) in asks.into_iter().zip(answered) {
                    let verdict = if answered { Verdict::Answered } else { Verdict::SoldOut };
                    answer(ask, Ok(verdict));
                }
            }
            Err(error) => self.failed(asks, &error),
        }
    }

    /// Looks what stood in the way of those that were not held.
    async fn look(&mut self, undecided: Vec<(Ask, Seat)>) {
        if undecided.is_empty() {
            return;
        }
        let wants: Vec<Want<'_>> = undecided.iter().map(|(ask, seat)| want(ask, seat)).collect();
        match obstacles::obstacles(&self.app.pool, &wants).await {
            Ok(found) => {
                for ((ask, seat), found) in undecided.into_iter().zip(found) {
                    match found {
                        Some(found) => self.judge(ask, seat, found).await,
                        None => answer(ask, Err(Error::SpotNotFound)),
                    }
                }
            }
            Err(error) => self.failed(undecided.into_iter().map(|(ask, _)| ask).collect(), &error),
        }
    }

    /// When nothing can be seen to stand in the way, it was a lapsed hold, a lot that has changed or
    /// a moment's crossing, and is tried again.
    async fn judge(&mut self, mut ask: Ask, seat: Seat, found: Obstacles) {
        if found.answered {
            return answer(ask, Ok(Verdict::Answered));
        }
        let lot = match self.app.known.lot(&self.app.pool, seat.lot_id()).await {
            Ok(lot) => lot,
            Err(error) => return self.failed(vec![ask], &error),
        };
        let full = found.holds >= i64::from(lot.policy.resolve().max_holds_per_user);
        let gone = found.taken || found.out_of_service;
        if let Target::Pool { picks, .. } = &mut ask.target {
            // It was somebody's, or a search had claimed it.
            *picks = picks.saturating_sub(1);
        }
        match &ask.target {
            Target::Pool { .. } if gone => {}
            Target::Spot(..)
                if found.taken && !found.out_of_service && lot.pooling.binds_late() =>
            {
                return self.take_blocked(ask, found);
            }
            Target::Spot(_, seen) if gone || (*seen != 0 && *seen != found.spot_version) => {
                return answer(ask, Ok(Verdict::Blocked(found)));
            }
            _ if full => return answer(ask, Ok(Verdict::Blocked(found))),
            _ => {
                ask.reclaims = true;
                return self.look_at_the_lot(ask, &seat).await;
            }
        }
        self.again(ask);
    }

    /// Reads the lot anew: it may have closed, or the spot may be another than it was.
    async fn look_at_the_lot(&mut self, mut ask: Ask, seat: &Seat) {
        let (app, now) = (self.app, self.app.clock.now());
        let lot = match self.lot_anew(seat.lot_id()).await {
            Ok(lot) => lot,
            Err(error) => return self.failed(vec![ask], &error),
        };
        if let (true, Seat::Spot(spot)) = (lot.has_waiting, seat) {
            // It may be for somebody who waits: whoever does gets it now, or has no claim on it.
            if let Err(error) = app.yield_to_line(spot, &ask.kept).await {
                return self.failed(vec![ask], &error);
            }
        }
        // The turnaround may be another.
        if !matches!(seat, Seat::Ticket(..)) {
            ask.kept = lot.kept(&ask.wanted.window);
        }
        if let Target::Pool { pool, .. } = &mut ask.target {
            pool.kept = ask.kept;
        }
        match (rules_of_seat(&lot, seat, &ask.wanted.window, now), &mut ask.target) {
            (Ok(()), Target::Spot(known, _)) => {
                // It may have got another number, or be made for something else.
                match app.known.spot(&app.pool, known.spot_id).await {
                    Ok(stands) => {
                        match check_permit(stands.spot_type, ask.wanted.disability_permit) {
                            Ok(()) => *known = stands,
                            Err(refused) => return answer(ask, Err(refused)),
                        }
                    }
                    Err(error) => return self.failed(vec![ask], &error),
                }
            }
            (Ok(()), _) => {}
            (Err(RuleRefusal::SpotClosed(_)), Target::Pool { picks, .. }) if *picks > 0 => {
                *picks = 0;
            }
            (Err(refused), _) => return answer(ask, Err(refused.into())),
        }
        self.again(ask);
    }

    /// The lot as it stands, read once for the whole group.
    async fn lot_anew(&mut self, lot_id: LotId) -> Result<Arc<Lot>, Error> {
        if let Some(lot) = self.anew.get(&lot_id) {
            return Ok(Arc::clone(lot));
        }
        let lot = self.app.known.lot_anew(&self.app.pool, lot_id).await?;
        self.anew.insert(lot_id, Arc::clone(&lot));
        Ok(lot)
    }

    pub(super) fn again(&mut self, mut ask: Ask) {
        ask.rounds += 1;
        match ask.rounds < ROUNDS_MAX {
            true => self.back.push(ask),
            false => answer(ask, Ok(Verdict::Crowded)),
        }
    }

    /// The statement may be sent again where the outcome is not known: it holds at most once,
    /// whatever became of the first sending.
    pub(super) fn failed(&mut self, asks: Vec<Ask>, error: &Error) {
        for mut ask in asks {
            ask.failures += 1;
            match ask.failures < FAILURES_MAX && may_try_again(error) {
                true => self.back.push(ask),
                false => answer(ask, Err(error.again())),
            }
        }
    }
}

fn want<'a>(ask: &'a Ask, seat: &Seat) -> Want<'a> {
    let (spot_id, allotment_id) = match seat {
        Seat::Spot(spot) => (Some(spot.spot_id), None),
        Seat::Ticket(allotment, _) => (None, Some(allotment.allotment_id)),
    };
    Want {
        lot_id: seat.lot_id(),
        spot_id,
        allotment_id,
        kept: ask.kept,
        user_id: Some(&ask.key.subject),
        request_id: Some(ask.key.request_id),
    }
}

/// What the lot says to a window. A ticket's was fixed by the operator, who may open the lot for it.
fn rules_of_seat(
    lot: &Lot,
    seat: &Seat,
    window: &Window,
    now: Timestamp,
) -> Result<(), RuleRefusal> {
    match seat {
        Seat::Spot(spot) => rules_of_lot(lot, Some(spot), window, now),
        Seat::Ticket(..) => Ok(()),
    }
}

pub(super) fn answer(ask: Ask, verdict: Result<Verdict, Error>) {
    // Who asked may have gone away.
    let _told = ask.answer.send(verdict);
}

/// Whether the error says nothing about any one of the group.
fn concerns_all(error: &Error) -> bool {
    matches!(error, Error::Store(error) if is_unavailable(error) || is_retryable(error))
}

fn may_try_again(error: &Error) -> bool {
    let Error::Store(error) = error else { return false };
    let twin = matches!(constraint_of(error), Some("request_pkey" | "booking_pkey"));
    let lost = is_unavailable(error) && !matches!(**error, sqlx::Error::PoolTimedOut);
    twin || lost || is_retryable(error)
}
