//! Asks that find no free spot although their lot binds late: before they are refused, bookings whose spot nobody has been promised
//! move aside.

use std::collections::HashMap;

use super::write::{Work, answer};
use super::{Ask, Target, Verdict};
use crate::app::booking::repack::{On, Room};
use crate::store::booking::obstacles::Obstacles;
use crate::store::booking::pending;
use crate::store::booking::search::Pool;

/// Times that a group packs a pool anew. Who wants room in still another window waits for the next group.
const REPACKS_MAX: usize = 16;

/// An ask that needs room.
pub(super) struct Cramped {
    ask: Ask,
    room: Room,
    /// What it is refused by otherwise; None: sold out.
    found: Option<Obstacles>,
}

impl Work<'_> {
    /// Takes over those asks for a pool of a lot that binds late; returns the others.
    pub(super) fn take_cramped(&mut self, sold_out: Vec<Ask>) -> Vec<Ask> {
        let mut others = Vec::new();
        for ask in sold_out {
            match &ask.target {
                Target::Pool { pool, .. } if pool.pooling.binds_late() => {
                    let room = room_in(pool);
                    self.cramped.push(Cramped { ask, room, found: None });
                }
                _ => others.push(ask),
            }
        }
        others
    }

    /// Takes over an ask for a spot that somebody has in the window.
    pub(super) fn take_blocked(&mut self, ask: Ask, found: Obstacles) {
        let Target::Spot(spot, _) = &ask.target else {
            return answer(ask, Ok(Verdict::Blocked(found)));
        };
        let room = Room {
            lot_id: spot.lot_id,
            spot_type: spot.spot_type,
            kept: ask.kept,
            on: On::Spot(spot.spot_id),
        };
        self.cramped.push(Cramped { ask, room, found: Some(found) });
    }

    /// Makes room for those that were taken over, or refuses them.
    pub(super) async fn make_room(&mut self) {
        let cramped = std::mem::take(&mut self.cramped);
        let mut sold_out = Vec::new();
        let mut made: HashMap<Room, bool> = HashMap::new();
        for Cramped { ask, room, found } in self.without_promised(cramped).await {
            let is_made = match made.get(&room) {
                Some(is_made) => *is_made,
                None if made.len() >= REPACKS_MAX => true,
                None => match self.app.repack(&room).await {
                    Ok(is_made) => *made.entry(room).or_insert(is_made),
                    Err(error) => {
                        self.failed(vec![ask], &error);
                        continue;
                    }
                },
            };
            match found {
                _ if is_made => self.again(ask),
                Some(found) => answer(ask, Ok(Verdict::Blocked(found))),
                None => sold_out.push(ask),
            }
        }
        self.refuse_sold_out(sold_out).await;
    }

    /// Refuses at once who wants a spot that is promised to somebody.
    async fn without_promised(&mut self, cramped: Vec<Cramped>) -> Vec<Cramped> {
        let on_spot = |one: &Cramped| match one.room.on {
            On::Spot(spot_id) => Some((spot_id, one.room.kept)),
            On::Any | On::Empty => None,
        };
        let wants: Vec<_> = cramped.iter().filter_map(on_spot).collect();
        if wants.is_empty() {
            return cramped;
        }
        let mut loose = match pending::only_pending_on(&self.app.pool, &wants).await {
            Ok(loose) => loose.into_iter(),
            Err(error) => {
                self.failed(cramped.into_iter().map(|one| one.ask).collect(), &error);
                return Vec::new();
            }
        };
        let mut left = Vec::with_capacity(cramped.len());
        for one in cramped {
            let is_promised = on_spot(&one).is_some() && loose.next() == Some(false);
            match one.found {
                Some(found) if is_promised => answer(one.ask, Ok(Verdict::Blocked(found))),
                _ => left.push(one),
            }
        }
        left
    }
}

fn room_in(pool: &Pool) -> Room {
    let Pool { lot_id, spot_type, kept, empty, .. } = *pool;
    let on = if empty { On::Empty } else { On::Any };
    Room { lot_id, spot_type, kept, on }
}
