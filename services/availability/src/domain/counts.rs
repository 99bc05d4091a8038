//! Counters: free and total spots of each kind, and what promises leave of them.

use std::collections::BTreeMap;

use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::FloorId;

use super::lot::LotPicture;

/// Free and total spots of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Can be taken.
    pub free: u32,
    /// In all.
    pub total: u32,
}

/// Counters of one floor, by type.
pub type FloorCounts = BTreeMap<SpotType, Count>;

/// Counters of a lot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LotCounts {
    /// By floor: what is free there, but never more than what is left in the lot. Floors may therefore add
    /// up to more than the lot.
    pub floors: BTreeMap<FloorId, FloorCounts>,
    /// By type, what is promised without a spot taken off.
    pub types: BTreeMap<SpotType, Count>,
}

impl LotPicture {
    /// What can be taken now.
    #[must_use]
    pub fn counts_now(&self) -> LotCounts {
        self.count_free(|_, _, now| now.free, |spot_type| self.promised(spot_type))
    }

    /// Counters of so many free spots, told by floor, type and what counts now, less so many promised places. A place that is promised to a
    /// booking without a spot is not free, wherever it will be: no floor has more free places than the lot.
    pub(super) fn count_free(
        &self,
        free: impl Fn(FloorId, SpotType, Count) -> u32,
        promised: impl Fn(SpotType) -> u32,
    ) -> LotCounts {
        let mut counts = LotCounts::default();
        for (floor_id, types) in self.counts() {
            let floor = counts.floors.entry(*floor_id).or_default();
            for (spot_type, now) in types {
                let count = Count { free: free(*floor_id, *spot_type, *now), total: now.total };
                floor.insert(*spot_type, count);
                let sum = counts.types.entry(*spot_type).or_default();
                sum.free += count.free;
                sum.total += count.total;
            }
        }
        for (spot_type, sum) in &mut counts.types {
            sum.free = sum.free.saturating_sub(promised(*spot_type));
        }
        for (spot_type, count) in counts.floors.values_mut().flatten() {
            count.free = count.free.min(counts.types.get(spot_type).map_or(0, |sum| sum.free));
        }
        counts
    }
}
