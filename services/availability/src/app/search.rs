//! What is free for a window of days to come.

use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::window::Window;

use super::App;
use super::read::freshness;
use crate::convert;
use crate::domain::lot::LotPicture;
use crate::domain::search::Wanted;
use crate::domain::search::roster::OrderKey;
use crate::error::Error;

/// What is searched for.
#[derive(Clone, Debug)]
pub struct Search {
    /// Where.
    pub lot_id: LotId,
    /// When.
    pub window: Window,
    /// Which of the free spots are told.
    pub wanted: Wanted,
    /// Those after this one.
    pub after: Option<OrderKey>,
    /// At most so many; none at all for 0.
    pub size: usize,
}

impl App {
    /// Bytes that searching takes beside the picture, about.
    #[must_use]
    pub fn search_bytes(&self) -> usize {
        self.read().picture.lots().map(LotPicture::search_bytes).sum()
    }

    /// Counts of a lot for a window, and a page of free spots; with the key to go on after, if there are
    /// more.
    ///
    /// # Errors
    /// [`Error::LotNotFound`]; [`Error::PictureNotReady`] also while there is only what Redis held, which
    /// knows nothing of days to come.
    pub fn search(
        &self,
        search: &Search,
    ) -> Result<(proto::SearchAvailabilityResponse, Option<OrderKey>), Error> {
        let now = self.clock.now();
        let state = self.read();
        let lot = state.lot(search.lot_id)?.ok_or(Error::PictureNotReady)?;
        let found = lot.search(search.window, now);
        let mut answer = convert::found(lot, &found);
        answer.freshness = Some(freshness(&state));
        if search.size == 0 {
            return Ok((answer, None));
        }
        let (after, size) = (search.after.as_ref(), search.size);
        let mut spots = lot.free_spots(&found, search.wanted, after, size + 1);
        let more = spots.len() > size;
        spots.truncate(size);
        let next = spots.last().filter(|_| more).map(|(key, _)| (*key).clone());
        answer.spots = spots.into_iter().map(|(_, spot)| convert::spot_state(spot)).collect();
        Ok((answer, next))
    }
}
