//! Who goes into the next group: the oldest asks, of which no two can be in each other's way.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use parkmesh_contracts::ids::{AllotmentId, LotId, SpotId, UserId};
use parkmesh_contracts::window::Window;

use super::{Ask, Seat, Target};
use crate::app::booking::known::{Known, PoolSpots};
use crate::domain::inventory::Spot;
use crate::store::booking::search::Pool;

/// Asks that a group tries at most.
pub(super) const TRIES_MAX: usize = 256;
/// Asks of a group that only ride along: they want what another of the group tries for, or a search
/// that serves many.
const RIDERS_MAX: usize = 4_096;
/// Asks that wait at most; whoever comes then is told at once to come again.
const WAITING_MAX: usize = 20_000;
/// Pools that are searched at once: each takes its time, and all of a group wait for it.
const SEARCHES_MAX: usize = 64;
/// Spots of a pool that are looked at for one that nobody in this process is trying for. A pool that has no more is
/// searched: that costs little, and any pick would likely be in vain.
const PICKS_MAX: u64 = 8;

/// The asks that wait, and what the groups in flight are trying for.
#[derive(Default)]
pub(super) struct Queue {
    groups: u64,
    /// By number.
    waiting: VecDeque<Ask>,
    /// What each group in flight tries for.
    flying: HashMap<u64, Marks>,
}

/// An ask and what is tried for it.
pub(super) struct Try {
    pub(super) ask: Ask,
    pub(super) seat: Seat,
}

/// The asks of a group.
#[derive(Default)]
pub(super) struct Drawn {
    /// Tried as they are.
    pub(super) tries: Vec<Try>,
    /// Wait for the outcome of one that is tried.
    pub(super) riders: Vec<Ask>,
    /// Need a free spot or number to be searched for first.
    pub(super) searches: Vec<Ask>,
}

impl Drawn {
    /// Asks in all.
    pub(super) fn len(&self) -> usize {
        self.tries.len() + self.riders.len() + self.searches.len()
    }
}

/// What is being tried for.
#[derive(Default)]
struct Marks {
    spots: HashMap<SpotId, Vec<Window>>,
    tickets: HashSet<(AllotmentId, i32)>,
    users: HashSet<(UserId, LotId)>,
    /// Pools that are searched.
    pools: HashSet<Pool>,
    /// Pools that several want: nobody picks by chance there.
    crowded: HashSet<Pool>,
    /// Pools of which spots were picked by chance.
    picked: HashSet<Pool>,
}

impl Marks {
    fn has_spot(&self, spot_id: SpotId, window: &Window) -> bool {
        self.spots.get(&spot_id).is_some_and(|w| w.iter().any(|other| other.overlaps(window)))
    }

    /// Whether nobody picks by chance there.
    fn is_searched(&self, pool: &Pool) -> bool {
        self.pools.contains(pool) || self.crowded.contains(pool)
    }

    fn mark_spot(&mut self, spot_id: SpotId, window: Window) {
        self.spots.entry(spot_id).or_default().push(window);
    }
}

impl Queue {
    /// Lines an ask up. False when too many wait.
    pub(super) fn push(&mut self, ask: Ask) -> bool {
        if self.waiting.len() >= WAITING_MAX {
            return false;
        }
        // Whoever came first may be through with its checks later.
        let place = self.waiting.partition_point(|other| other.number <= ask.number);
        self.waiting.insert(place, ask);
        true
    }

    /// Takes the next group and its number; None while nothing can be tried.
    pub(super) fn draw(&mut self, known: &Known, chance: u64) -> Option<(u64, Drawn)> {
        let mut drawn = Drawn::default();
        let mut marks = Marks { crowded: self.crowded(), ..Marks::default() };
        let mut left = VecDeque::new();
        for ask in std::mem::take(&mut self.waiting) {
            let riders = drawn.riders.len() + drawn.searches.len();
            if ask.answer.is_closed() {
                // Whoever asked has gone away, and nothing has been tried.
            } else if drawn.tries.len() >= TRIES_MAX || riders >= RIDERS_MAX {
                left.push_back(ask);
            } else if let Some(ask) = self.place(ask, known, chance, &mut marks, &mut drawn) {
                left.push_back(ask);
            }
        }
        self.waiting = left;
        if drawn.len() == 0 {
            return None;
        }
        self.groups += 1;
        self.flying.insert(self.groups, marks);
        Some((self.groups, drawn))
    }

    /// Pools of which several want the same window: they are searched for together. Picks by chance would meet those of
    /// other processes, and then not those who came first are served first.
    fn crowded(&self) -> HashSet<Pool> {
        let (mut seen, mut crowded) = (HashSet::new(), HashSet::new());
        for ask in &self.waiting {
            if let Target::Pool { pool, .. } = &ask.target
                && !seen.insert(*pool)
            {
                crowded.insert(*pool);
            }
        }
        crowded
    }

    /// Puts an ask into the group, or gives it back when it must wait for a group in flight.
    fn place(
        &self,
        ask: Ask,
        known: &Known,
        chance: u64,
        marks: &mut Marks,
        drawn: &mut Drawn,
    ) -> Option<Ask> {
        let user = (ask.key.subject.clone(), ask.target.lot_id());
        let window = ask.kept;
        if let Target::Spot(spot, _) = &ask.target {
            if marks.has_spot(spot.spot_id, &window) {
                drawn.riders.push(ask);
                return None;
            }
            if self.flies(|flying| flying.has_spot(spot.spot_id, &window)) {
                return Some(ask);
            }
        }
        // What is searched for those who came earlier is given to them first; and a crowd that is searched for waits
        // for those before it whose picks may be in vain.
        if let Target::Pool { pool, .. } = &ask.target
            && self.flies(|flying| {
                flying.pools.contains(pool)
                    || marks.is_searched(pool) && flying.picked.contains(pool)
            })
        {
            return Some(ask);
        }
        // How many holds a user has is judged by what stood before the statement.
        if marks.users.contains(&user) || self.flies(|flying| flying.users.contains(&user)) {
            return Some(ask);
        }
        let spot = match &ask.target {
            Target::Spot(spot, _) => Some(Arc::clone(spot)),
            Target::Pool { picks: 0, .. } | Target::Ticket(_) => None,
            // Who picks by chance must not be faster than somebody earlier who is searched for.
            Target::Pool { pool, .. } if marks.is_searched(pool) => None,
            Target::Pool { pool, .. } => known
                .kept_pool(pool.lot_id, pool.spot_type)
                .and_then(|spots| self.pick(&spots, pool, chance.wrapping_add(ask.number), marks)),
        };
        if let (None, Target::Pool { pool, .. }) = (&spot, &ask.target)
            && !marks.pools.contains(pool)
            && marks.pools.len() >= SEARCHES_MAX
        {
            return Some(ask);
        }
        marks.users.insert(user);
        match spot {
            Some(spot) => {
                if let Target::Pool { pool, .. } = &ask.target {
                    marks.picked.insert(*pool);
                }
                marks.mark_spot(spot.spot_id, window);
                drawn.tries.push(Try { ask, seat: Seat::Spot(spot) });
            }
            None => {
                if let Target::Pool { pool, .. } = &ask.target {
                    marks.pools.insert(*pool);
                }
                drawn.searches.push(ask);
            }
        }
        None
    }

    /// A spot by chance that nobody here is trying for. It may be taken: the statement tells.
    fn pick(
        &self,
        spots: &PoolSpots,
        pool: &Pool,
        chance: u64,
        marks: &Marks,
    ) -> Option<Arc<Spot>> {
        let liked = spots.liked(pool.preferred);
        let count = u64::try_from(liked.len()).ok().filter(|count| *count > PICKS_MAX)?;
        // Consecutive numbers must not pick neighbours.
        let first = chance.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count;
        (0..PICKS_MAX).find_map(|step| {
            let place = usize::try_from((first + step) % count).ok()?;
            let spot = liked.get(place)?;
            self.is_untried(spot.spot_id, &pool.kept, marks).then(|| Arc::clone(spot))
        })
    }

    fn is_untried(&self, spot_id: SpotId, window: &Window, marks: &Marks) -> bool {
        !marks.has_spot(spot_id, window) && !self.flies(|flying| flying.has_spot(spot_id, window))
    }

    fn flies(&self, trying: impl Fn(&Marks) -> bool) -> bool {
        self.flying.values().any(trying)
    }

    /// The first of the free spots that nobody in this process is trying for, from now on tried for
    /// by this group.
    pub(super) fn choose(
        &mut self,
        group: u64,
        window: Window,
        free: &[Arc<Spot>],
    ) -> Option<usize> {
        let none = Marks::default();
        let place = free.iter().position(|spot| self.is_untried(spot.spot_id, &window, &none))?;
        let spot_id = free.get(place)?.spot_id;
        self.flying.entry(group).or_default().mark_spot(spot_id, window);
        Some(place)
    }

    /// The lowest of the free numbers that nobody in this process is trying for, from now on tried
    /// for by this group.
    pub(super) fn choose_number(
        &mut self,
        group: u64,
        allotment_id: AllotmentId,
        free: &[i32],
    ) -> Option<i32> {
        let is_untried =
            |number: &i32| !self.flies(|flying| flying.tickets.contains(&(allotment_id, *number)));
        let number = free.iter().copied().find(is_untried)?;
        self.flying.entry(group).or_default().tickets.insert((allotment_id, number));
        Some(number)
    }

    /// Ends a group; what is not decided goes on waiting, in its old place.
    pub(super) fn finish(&mut self, group: u64, back: Vec<Ask>) {
        self.flying.remove(&group);
        if !back.is_empty() {
            self.waiting.extend(back);
            self.waiting.make_contiguous().sort_by_key(|ask| ask.number);
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
