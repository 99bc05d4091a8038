//! What a comparison with an owner's snapshot puts right.

use jiff::Timestamp;
use parkmesh_contracts::ids::SpotId;

use super::{LotInfo, LotPicture};
use crate::domain::spot::{Ground, LiveWindow, SpotInfo};

impl LotPicture {
    /// Makes room for the owner's word where the picture says something else at the same version: a
    /// mistake of ours, which no fact would ever put right.
    pub fn doubt_info(&mut self, info: &LotInfo, now: Timestamp) {
        // Closures that have ended are told no more, and say nothing.
        self.info.closures.retain(|closure| closure.window.end() > now);
        let mut told = info.clone();
        told.closures.retain(|closure| closure.window.end() > now);
        if self.info.version == told.version && self.info != told {
            self.info.version -= 1;
        }
    }

    /// The same for a spot.
    pub fn doubt_spot(&mut self, info: &SpotInfo) {
        if let Some(spot) = self.spots.get_mut(&info.spot_id)
            && spot.info.version == info.version
            && spot.info != *info
        {
            spot.info.version -= 1;
        }
    }

    /// The same for the ground.
    pub fn doubt_ground(&mut self, spot_id: SpotId, ground: Ground, version: i64) {
        if let Some(spot) = self.spots.get_mut(&spot_id)
            && spot.ground_version == version
            && spot.ground != ground
        {
            spot.ground_version -= 1;
        }
    }

    /// The same for a window. True if it is not known just so.
    pub fn doubt_window(&mut self, spot_id: SpotId, live: &LiveWindow) -> bool {
        let Some(spot) = self.spots.get_mut(&spot_id) else { return true };
        match spot.windows.iter_mut().find(|known| known.booking_id == live.booking_id) {
            Some(known) if known == live => false,
            Some(known) => {
                known.version = known.version.min(live.version - 1);
                true
            }
            None => true,
        }
    }
}
