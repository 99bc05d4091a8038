//! One group, from the search for free spots to a verdict for each of its asks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use parkmesh_contracts::booking::v1 as proto;
use parkmesh_contracts::ids::{LotId, RequestId, UserId};
use parkmesh_eventbus::outbox::Row as FactRow;
use parkmesh_platform::postgres::{constraint_of, is_retryable, is_unavailable};
use uuid::Uuid;

use super::queue::{Drawn, Try};
use super::{Ask, Place, Verdict};
use crate::app::App;
use crate::app::booking::hold::{new_hold, terms};
use crate::domain::booking::{Command, Event, Step};
use crate::domain::inventory::{Lot, Spot};
use crate::error::Error;
use crate::events;
use crate::store::booking::Kept;
use crate::store::booking::hold::{self, NewHold};
use crate::store::booking::obstacles::{self, Obstacles, Want};
use crate::store::booking::search::{self, Pool};

/// Times that an ask is part of a group before the crowd is given up on.
const ROUNDS_MAX: u32 = 100;
/// Times that an ask is tried again when the database failed under it.
const FAILURES_MAX: u32 = 7;
/// Free spots that are searched for beyond what is asked: some are being tried for by others.
const SPARE: usize = 8;
/// Asks of a failed group that are tried at the same time, each by itself.
const SINGLES_MAX: usize = 8;

type Lots = HashMap<LotId, Arc<Lot>>;

/// A group at work: the asks that are not decided yet go back to the queue.
struct Work<'a> {
    app: &'a App,
    back: Vec<Ask>,
}

/// A hold that was tried, and what became of it.
struct Tried {
    one: Try,
    outcome: Result<Option<proto::Booking>, Error>,
}

impl App {
    /// Decides a group. Returns the asks that are to be tried again.
    pub(super) async fn write_group(&self, group: u64, drawn: Drawn) -> Vec<Ask> {
        let Drawn { mut tries, riders, searches } = drawn;
        let mut work = Work { app: self, back: Vec::new() };
        let sold_out = match self.search(group, searches, &mut tries, &mut work).await {
            Ok(sold_out) => sold_out,
            Err((error, asks)) => {
                work.failed(asks, &error);
                Vec::new()
            }
        };
        work.refuse_sold_out(sold_out).await;
        let mut undecided = Vec::new();
        for Tried { one, outcome } in self.hold_all(tries).await {
            match outcome {
                Ok(Some(booking)) => answer(one.ask, Ok(Verdict::Held(Box::new(booking)))),
                Ok(None) => undecided.push((one.ask, one.spot)),
                Err(error) => work.failed(vec![one.ask], &error),
            }
        }
        for rider in riders {
            if let Place::Spot(spot, _) = &rider.place {
                let spot = Arc::clone(spot);
                undecided.push((rider, spot));
            }
        }
        work.look(undecided).await;
        work.back
    }

    /// Finds a free spot for each ask that needs one. Returns those of whose pool nothing is free.
    async fn search(
        &self,
        group: u64,
        asks: Vec<Ask>,
        tries: &mut Vec<Try>,
        work: &mut Work<'_>,
    ) -> Result<Vec<Ask>, (Error, Vec<Ask>)> {
        let mut pools: HashMap<Pool, usize> = HashMap::new();
        for ask in &asks {
            if let Place::Pool { pool, .. } = ask.place {
                *pools.entry(pool).or_default() += 1;
            }
        }
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let free = match self.free_spots(pools).await {
            Ok(free) => free,
            Err(error) => return Err((error, asks)),
        };
        let mut sold_out = Vec::new();
        for ask in asks {
            let Place::Pool { pool, .. } = ask.place else { continue };
            let free = free.get(&pool).map(Vec::as_slice).unwrap_or_default();
            let chosen = self.groups.lock().choose(group, pool.window, free);
            match chosen.and_then(|place| free.get(place)) {
                Some(spot) => tries.push(Try { ask, spot: Arc::clone(spot) }),
                None if free.is_empty() => sold_out.push(ask),
                // All that is free is being tried for: what is left of it is known in a moment.
                None => work.again(ask),
            }
        }
        Ok(sold_out)
    }

    async fn free_spots(
        &self,
        pools: HashMap<Pool, usize>,
    ) -> Result<HashMap<Pool, Vec<Arc<Spot>>>, Error> {
        let mut wanted = Vec::with_capacity(pools.len());
        for (pool, asks) in pools {
            if self.known.pool(pool.lot_id, pool.spot_type).is_none() {
                self.known.read_pool(&self.pool, pool.lot_id, pool.spot_type).await?;
            }
            wanted.push((pool, i64::try_from(asks + SPARE).unwrap_or(i64::MAX)));
        }
        let seed = i64::from_be_bytes(self.ids.bytes());
        let found = search::candidates(&self.pool, &wanted, seed).await?;
        let spots = found.into_iter().map(|spots| spots.into_iter().map(Arc::new).collect());
        Ok(wanted.into_iter().map(|(pool, _)| pool).zip(spots).collect())
    }

    /// Tries all in one statement, or each by itself when that fails.
    async fn hold_all(&self, tries: Vec<Try>) -> Vec<Tried> {
        if tries.is_empty() {
            return Vec::new();
        }
        match self.hold_once(&tries).await {
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
                        let outcome = self.hold_once(std::slice::from_ref(&one)).await;
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
    async fn hold_once(&self, tries: &[Try]) -> Result<Vec<Option<proto::Booking>>, Error> {
        let lots = self.lots_of(tries).await?;
        let reclaims: Vec<Want<'_>> = tries
            .iter()
            .filter(|one| one.ask.reclaims)
            .map(|one| want(&one.ask, &one.spot))
            .collect();
        let lapsed = match reclaims.is_empty() {
            true => Vec::new(),
            false => obstacles::lapsed(&self.pool, &reclaims).await?,
        };
        let now = self.clock.now();
        let mut facts = self.facts_of_lapsed(&lapsed, now)?;
        let lapsed: Vec<Uuid> = facts.iter().map(|fact| fact.aggregate_id).collect();
        let mut holds = Vec::with_capacity(tries.len());
        for Try { ask, spot } in tries {
            let lot = lots.get(&spot.lot_id).ok_or(Error::LotNotFound)?;
            let (hold, fact) = self.held(ask, lot, spot, now)?;
            holds.push(hold);
            facts.push(fact);
        }
        let group = hold::Group { holds: &holds, lapsed: &lapsed, facts: &facts, now };
        let made = hold::insert(&self.pool, &group).await?;
        if !made.is_empty() || !lapsed.is_empty() {
            self.relay.wake();
        }
        let booking = |hold: NewHold| {
            let is_made = made.contains(&hold.booking.booking_id.as_uuid());
            is_made.then(|| (&hold.booking).into())
        };
        Ok(holds.into_iter().map(booking).collect())
    }

    fn held(
        &self,
        ask: &Ask,
        lot: &Lot,
        spot: &Spot,
        now: Timestamp,
    ) -> Result<(NewHold, FactRow), Error> {
        let seen = ask.place.seen();
        let hold = new_hold(&self.ids, lot, spot, (&ask.key, &ask.wanted, seen), now)?;
        let fact = events::fact(&self.ids, now, &hold.booking, &terms(lot), &Event::Held);
        Ok((hold, FactRow { trace_parent: ask.trace_parent.clone(), ..fact }))
    }

    async fn lots_of(&self, tries: &[Try]) -> Result<Lots, Error> {
        let ids: HashSet<LotId> = tries.iter().map(|one| one.spot.lot_id).collect();
        let mut lots = Lots::with_capacity(ids.len());
        for lot_id in ids {
            lots.insert(lot_id, self.known.lot(&self.pool, lot_id).await?);
        }
        Ok(lots)
    }

    fn facts_of_lapsed(&self, lapsed: &[Kept], now: Timestamp) -> Result<Vec<FactRow>, Error> {
        let mut facts = Vec::with_capacity(lapsed.len());
        for kept in lapsed {
            let step = kept.booking.transition(&Command::Lapse, &kept.terms.policy, now)?;
            if let Step::Changed(ended, event) = step {
                facts.push(events::fact(&self.ids, now, &ended, &kept.terms, &event));
            }
        }
        Ok(facts)
    }
}

impl Work<'_> {
    /// Tells those of a pool in which nothing is free.
    async fn refuse_sold_out(&mut self, asks: Vec<Ask>) {
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
    async fn look(&mut self, undecided: Vec<(Ask, Arc<Spot>)>) {
        if undecided.is_empty() {
            return;
        }
        let wants: Vec<Want<'_>> = undecided.iter().map(|(ask, spot)| want(ask, spot)).collect();
        match obstacles::obstacles(&self.app.pool, &wants).await {
            Ok(found) => {
                for ((ask, spot), found) in undecided.into_iter().zip(found) {
                    match found {
                        Some(found) => self.judge(ask, &spot, found).await,
                        None => answer(ask, Err(Error::SpotNotFound)),
                    }
                }
            }
            Err(error) => self.failed(undecided.into_iter().map(|(ask, _)| ask).collect(), &error),
        }
    }

    /// When nothing can be seen to stand in the way, it was a lapsed hold, a lot that has changed or
    /// a moment's crossing, and is tried again.
    async fn judge(&mut self, mut ask: Ask, spot: &Spot, found: Obstacles) {
        if found.answered {
            return answer(ask, Ok(Verdict::Answered));
        }
        let lot = match self.app.known.lot(&self.app.pool, spot.lot_id).await {
            Ok(lot) => lot,
            Err(error) => return self.failed(vec![ask], &error),
        };
        let full = found.holds >= i64::from(lot.policy.resolve().max_holds_per_user);
        let gone = found.taken || found.out_of_service;
        match &mut ask.place {
            Place::Pool { searched, .. } if gone => *searched = true,
            Place::Spot(_, seen) if gone || (*seen != 0 && *seen != found.spot_version) => {
                return answer(ask, Ok(Verdict::Blocked(found)));
            }
            _ if full => return answer(ask, Ok(Verdict::Blocked(found))),
            _ => {
                ask.reclaims = true;
                self.app.known.forget_lot(spot.lot_id);
            }
        }
        self.again(ask);
    }

    fn again(&mut self, mut ask: Ask) {
        ask.rounds += 1;
        match ask.rounds < ROUNDS_MAX {
            true => self.back.push(ask),
            false => answer(ask, Ok(Verdict::Crowded)),
        }
    }

    /// The statement may be sent again where the outcome is not known: it holds at most once,
    /// whatever became of the first sending.
    fn failed(&mut self, asks: Vec<Ask>, error: &Error) {
        for mut ask in asks {
            ask.failures += 1;
            match ask.failures < FAILURES_MAX && may_try_again(error) {
                true => self.back.push(ask),
                false => answer(ask, Err(error.again())),
            }
        }
    }
}

fn want<'a>(ask: &'a Ask, spot: &Spot) -> Want<'a> {
    Want {
        spot_id: spot.spot_id,
        lot_id: spot.lot_id,
        window: ask.wanted.window,
        user_id: Some(&ask.key.subject),
        request_id: Some(ask.key.request_id),
    }
}

fn answer(ask: Ask, verdict: Result<Verdict, Error>) {
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
