//! What is free of all that a group's asks want, looked for together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parkmesh_contracts::ids::AllotmentId;
use parkmesh_platform::postgres::OwnConnection;

use super::queue::{Queue, TRIES_MAX};
use super::{Ask, Seat, Target};
use crate::app::App;
use crate::domain::inventory::Spot;
use crate::error::Error;
use crate::store::allotment;
use crate::store::booking::fit;
use crate::store::booking::search::{self, Pool};

/// Free spots that are searched for beyond what is asked: some are being tried for by others.
const SPARE: usize = 8;

/// What a search has found.
pub(super) struct Free {
    spots: HashMap<Pool, Vec<Arc<Spot>>>,
    /// Pools of which nothing was found only because others try for it at this moment.
    claimed: HashSet<Pool>,
    numbers: HashMap<AllotmentId, Vec<i32>>,
}

impl Free {
    /// Something that nobody here is trying for; and whether nothing was free at all.
    pub(super) fn choose(
        &self,
        queue: &mut Queue,
        group: u64,
        target: &Target,
    ) -> (Option<Seat>, bool) {
        match target {
            Target::Pool { pool, .. } => {
                let free = self.spots.get(pool).map(Vec::as_slice).unwrap_or_default();
                let chosen = queue.choose(group, pool.kept, free);
                let spot = chosen.and_then(|place| free.get(place));
                let nothing = free.is_empty() && !self.claimed.contains(pool);
                (spot.map(|spot| Seat::Spot(Arc::clone(spot))), nothing)
            }
            Target::Ticket(allotment) => {
                let allotment_id = allotment.allotment_id;
                let free = self.numbers.get(&allotment_id).map(Vec::as_slice).unwrap_or_default();
                let number = queue.choose_number(group, allotment_id, free);
                let seat = number.map(|number| Seat::Ticket(Arc::clone(allotment), number));
                (seat, free.is_empty())
            }
            Target::Spot(spot, _) => (Some(Seat::Spot(Arc::clone(spot))), false),
        }
    }
}

impl App {
    /// What is free of all that is wanted.
    pub(super) async fn free(
        &self,
        connection: &mut OwnConnection,
        asks: &[Ask],
    ) -> Result<Free, Error> {
        let mut pools: HashMap<Pool, usize> = HashMap::new();
        let mut tickets: HashMap<AllotmentId, usize> = HashMap::new();
        for ask in asks {
            match &ask.target {
                Target::Pool { pool, .. } => *pools.entry(*pool).or_default() += 1,
                Target::Ticket(allotment) => {
                    *tickets.entry(allotment.allotment_id).or_default() += 1;
                }
                Target::Spot(..) => {}
            }
        }
        let spots = self.free_spots(connection, pools).await?;
        let claimed = self.claimed_by_others(&spots).await?;
        let mut free = Free { spots, claimed, numbers: HashMap::new() };
        for (allotment_id, asks) in tickets {
            let numbers = allotment::free_numbers(&self.pool, allotment_id, limit(asks)).await?;
            free.numbers.insert(allotment_id, numbers);
        }
        Ok(free)
    }

    async fn free_spots(
        &self,
        connection: &mut OwnConnection,
        pools: HashMap<Pool, usize>,
    ) -> Result<HashMap<Pool, Vec<Arc<Spot>>>, Error> {
        let (mut found, mut wanted) = (HashMap::new(), Vec::with_capacity(pools.len()));
        for (pool, asks) in pools {
            if pool.pooling.is_compact() {
                let spots = fit::candidates(&self.pool, &pool, limit(asks)).await?;
                found.insert(pool, spots.into_iter().map(Arc::new).collect());
                continue;
            }
            wanted.push((pool, limit(asks)));
        }
        if !wanted.is_empty() {
            let seed = i64::from_be_bytes(self.ids.bytes());
            let claimed = search::claim(connection.get().await?, &wanted, seed).await?;
            let spots = claimed.into_iter().map(|spots| spots.into_iter().map(Arc::new).collect());
            found.extend(wanted.into_iter().map(|(pool, _)| pool).zip(spots));
        }
        Ok(found)
    }

    /// Those of the pools in which nothing was found that have free spots all the same: others claim them.
    async fn claimed_by_others(
        &self,
        found: &HashMap<Pool, Vec<Arc<Spot>>>,
    ) -> Result<HashSet<Pool>, Error> {
        let empty = found.iter().filter(|(_, spots)| spots.is_empty());
        let empty: Vec<(Pool, i64)> = empty.map(|(pool, _)| (*pool, 1)).collect();
        if empty.is_empty() {
            return Ok(HashSet::new());
        }
        let free = search::candidates(&self.pool, &empty, 0).await?;
        let claimed = empty.into_iter().zip(free).filter(|(_, free)| !free.is_empty());
        Ok(claimed.map(|((pool, _), _)| pool).collect())
    }
}

/// How many are searched for when so many ask.
fn limit(asks: usize) -> i64 {
    i64::try_from(asks.min(TRIES_MAX) + SPARE).unwrap_or(i64::MAX)
}
