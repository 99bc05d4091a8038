//! Searching a window of days to come: which spots nobody keeps for all of it.
//!
//! The [`calendar`] says when spots are kept, as bits: one row of bits, a bit to a spot, for every
//! quarter of an hour, three hours and day. A window is then a few rows or-ed together, however many
//! spots and bookings there are. The [`roster`] says which bit is whose, and in which order spots are
//! shown. [`peaks`] counts promises, which keep places and no spots.

pub mod bits;
pub mod calendar;
pub mod peaks;
pub mod roster;
pub mod rules;
pub mod span;

use jiff::Timestamp;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::FloorId;
use parkmesh_contracts::window::Window;

use self::bits::Bits;
use self::roster::OrderKey;
use self::rules::Refusal;
use super::counts::LotCounts;
use super::lot::LotPicture;
use super::spot::SpotPicture;

/// What a search has found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Why the lot takes no such window, whatever is free.
    pub refusal: Option<Refusal>,
    /// Free for all of the window, by floor and type; nothing where it is refused.
    pub counts: LotCounts,
    /// The spots that nobody keeps for any of it.
    free: Bits,
}

impl LotPicture {
    /// What can be booked for a window, as booking would say it.
    ///
    /// A spot is free when it is in service, nothing closes it, and no live booking keeps it, with the
    /// turnaround of either after its window. Where the window is about to begin, no unexplained car may
    /// stand there either, nor its sensor be silent. Promises take places of their type away, as many as
    /// meet at any one instant of the window.
    #[must_use]
    pub fn search(&self, window: Window, now: Timestamp) -> Found {
        if let Some(refusal) = self.info.rules.refusal(&window, now) {
            let counts = self.count_free(|_, _, _| 0, |_| 0);
            return Found { refusal: Some(refusal), counts, free: Bits::default() };
        }
        let kept = self.info.rules.kept(&window);
        let mut free = self.roster().in_service().clone();
        free.subtract(&self.calendar().taken(kept, self.roster().len()));
        if window.start() <= now + self.info.early_arrival {
            free.subtract(self.roster().doubtful());
        }
        for closure in self.info.closures.iter().filter(|it| it.window.overlaps(&window)) {
            self.roster().close(&mut free, closure.floor_id, closure.spot_id);
        }
        let counts = self.count_free(
            |floor_id, spot_type, _| {
                let group = self.roster().group(floor_id, spot_type);
                group.map_or(0, |group| free.count_in(group))
            },
            |spot_type| self.promised_in(spot_type, kept),
        );
        Found { refusal: None, counts, free }
    }

    /// Free spots that a search found, in the order of [`OrderKey`], after one of them: of a type, and
    /// of a floor, if those are said. At most `limit`. Types of which every place is promised are left
    /// out: there whoever stands provisionally on a spot has nowhere else to go.
    #[must_use]
    pub fn free_spots(
        &self,
        found: &Found,
        wanted: Wanted,
        after: Option<&OrderKey>,
        limit: usize,
    ) -> Vec<(&OrderKey, &SpotPicture)> {
        let mut chosen = Bits::default();
        for ((floor_id, spot_type), group) in self.roster().groups() {
            let left = found.counts.types.get(spot_type).map_or(0, |count| count.free);
            let wanted_floor = wanted.floor_id.is_none_or(|wanted| wanted == *floor_id);
            if left > 0 && wanted_floor && wanted.spot_type.is_none_or(|it| it == *spot_type) {
                chosen.add_common(group, &found.free);
            }
        }
        let keys = self.roster().in_order(&chosen, after, limit);
        keys.into_iter().filter_map(|key| Some((key, self.spot(key.spot_id)?))).collect()
    }
}

/// Which of the free spots are to be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Only this type.
    pub spot_type: Option<SpotType>,
    /// Only this floor.
    pub floor_id: Option<FloorId>,
}

/// Where a spot lies among the bits.
pub type Slot = u32;

#[cfg(test)]
mod tests;
