//! The spots of a lot: which bit is whose, of what kind they are, and in which order they are shown.

use std::collections::{BTreeMap, HashMap};

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{FloorId, SpotId};
use serde::{Deserialize, Serialize};

use super::Slot;
use super::bits::Bits;

/// Found spots up to this many are put in order; of more, all spots are walked through in theirs until
/// enough are found.
const SORTED_MAX: usize = 2_000;

/// Where a spot stands in a list; page tokens hold it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// First by its floor. A floor that the inventory has not told of yet stands last.
    pub floor_number: i32,
    /// Then by what is painted on it.
    pub spot_number: String,
    /// Then, since two might be painted the same by mistake.
    pub spot_id: SpotId,
}

/// What the roster notes of a spot.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Its floor.
    pub floor_id: FloorId,
    /// What it is made for.
    pub spot_type: SpotType,
    /// The operator has not closed it.
    pub in_service: bool,
}

/// The spots of one lot.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    slots: HashMap<SpotId, Slot>,
    /// By slot.
    keys: Vec<OrderKey>,
    kinds: Vec<(FloorId, SpotType)>,
    order: BTreeMap<OrderKey, Slot>,
    groups: BTreeMap<(FloorId, SpotType), Bits>,
    in_service: Bits,
    doubtful: Bits,
}

impl Roster {
    /// Takes a spot in, or what is new of it. Returns its slot.
    pub fn put(&mut self, key: OrderKey, traits: Traits) -> Slot {
        let kind = (traits.floor_id, traits.spot_type);
        let slot = match self.slots.get(&key.spot_id).copied() {
            Some(slot) => {
                self.leave(slot);
                slot
            }
            None => {
                let slot = Slot::try_from(self.keys.len()).unwrap_or(Slot::MAX);
                self.slots.insert(key.spot_id, slot);
                self.keys.push(key.clone());
                self.kinds.push(kind);
                slot
            }
        };
        let at = slot as usize;
        self.groups.entry(kind).or_default().put(slot, true);
        self.in_service.put(slot, traits.in_service);
        self.kinds[at] = kind;
        self.keys[at].clone_from(&key);
        self.order.insert(key, slot);
        slot
    }

    fn leave(&mut self, slot: Slot) {
        let at = slot as usize;
        self.order.remove(&self.keys[at]);
        if let Some(group) = self.groups.get_mut(&self.kinds[at]) {
            group.put(slot, false);
        }
    }

    /// A floor's number is another: its spots stand elsewhere in the order.
    pub fn renumber(&mut self, floor_id: FloorId, floor_number: i32) {
        for at in 0..self.keys.len() {
            if self.kinds[at].0 != floor_id || self.keys[at].floor_number == floor_number {
                continue;
            }
            if let Some(slot) = self.order.remove(&self.keys[at]) {
                self.keys[at].floor_number = floor_number;
                self.order.insert(self.keys[at].clone(), slot);
            }
        }
    }

    /// Notes whether something stands on a spot that no booking explains, or its sensor is silent.
    pub fn doubt(&mut self, spot_id: SpotId, doubtful: bool) {
        if let Some(slot) = self.slots.get(&spot_id) {
            self.doubtful.put(*slot, doubtful);
        }
    }

    /// The slot of a spot.
    #[must_use]
    pub fn slot(&self, spot_id: SpotId) -> Option<Slot> {
        self.slots.get(&spot_id).copied()
    }

    /// How many spots there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Spots that the operator has not closed.
    #[must_use]
    pub fn in_service(&self) -> &Bits {
        &self.in_service
    }

    /// Spots on which something stands that no booking explains, or whose sensor is silent.
    #[must_use]
    pub fn doubtful(&self) -> &Bits {
        &self.doubtful
    }

    /// The spots of a type on a floor.
    #[must_use]
    pub fn group(&self, floor_id: FloorId, spot_type: SpotType) -> Option<&Bits> {
        self.groups.get(&(floor_id, spot_type))
    }

    /// All groups.
    pub fn groups(&self) -> impl Iterator<Item = (&(FloorId, SpotType), &Bits)> {
        self.groups.iter()
    }

    /// Takes out what a closure closes: a spot, a floor, or all.
    pub fn close(&self, free: &mut Bits, floor_id: Option<FloorId>, spot_id: Option<SpotId>) {
        match (floor_id, spot_id) {
            (_, Some(spot_id)) => {
                let slot = self.slot(spot_id);
                let closed = slot.filter(|slot| {
                    floor_id.is_none_or(|floor_id| self.kinds[*slot as usize].0 == floor_id)
                });
                if let Some(slot) = closed {
                    free.put(slot, false);
                }
            }
            (Some(floor_id), None) => {
                for (_, group) in self.groups.iter().filter(|((floor, _), _)| *floor == floor_id) {
                    free.subtract(group);
                }
            }
            (None, None) => free.clear(),
        }
    }

    /// The chosen ones after a key, in order, at most `limit`.
    #[must_use]
    pub fn in_order(
        &self,
        chosen: &Bits,
        after: Option<&OrderKey>,
        limit: usize,
    ) -> Vec<&OrderKey> {
        use std::ops::Bound::{Excluded, Unbounded};
        if chosen.count() > SORTED_MAX {
            let from = after.map_or(Unbounded, Excluded);
            let walked = self.order.range((from, Unbounded));
            let found = walked.filter(|(_, slot)| chosen.has(**slot)).map(|(key, _)| key);
            return found.take(limit).collect();
        }
        let keys = chosen.iter().filter_map(|slot| self.keys.get(slot as usize));
        let mut found: Vec<&OrderKey> =
            keys.filter(|key| after.is_none_or(|after| *key > after)).collect();
        found.sort_unstable();
        found.truncate(limit);
        found
    }

    /// Bytes held, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts: usize = self.keys.iter().map(|key| 2 * key.spot_number.capacity()).sum();
        let spot = 2 * size_of::<OrderKey>()
            + size_of::<(FloorId, SpotType)>()
            + size_of::<(SpotId, Slot)>()
            + 2 * size_of::<Slot>();
        let bits = self.groups.values().map(Bits::bytes).sum::<usize>();
        texts + self.len() * spot + bits + self.in_service.bytes() + self.doubtful.bytes()
    }
}
