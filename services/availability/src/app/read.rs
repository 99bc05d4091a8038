//! Answers about one lot.

use jiff::Timestamp;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::ids::{FloorId, LotId, SpotId};
use tokio::time::Instant;

use super::{App, State};
use crate::convert;
use crate::domain::lot::LotPicture;
use crate::domain::search::roster::OrderKey;
use crate::domain::spot::SpotPicture;
use crate::error::Error;

/// A page of a lot's spots.
#[derive(Debug)]
pub struct SpotPage {
    /// In order.
    pub spots: Vec<proto::SpotState>,
    /// The last one of them, when there are more.
    pub next: Option<OrderKey>,
    /// How fresh.
    pub freshness: proto::Freshness,
}

impl State {
    /// The lot of the picture; `None` while the picture does not stand and Redis may know it.
    pub(super) fn lot(&self, lot_id: LotId) -> Result<Option<&LotPicture>, Error> {
        if !self.feeds.is_standing() {
            return Ok(None);
        }
        self.picture.lot(lot_id).map(Some).ok_or(Error::LotNotFound)
    }

    pub(super) fn freshness(&self) -> (Timestamp, bool) {
        self.feeds.freshness(Instant::now())
    }
}

impl App {
    /// The counters of a lot.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PictureNotReady`].
    pub fn availability(&self, lot_id: LotId) -> Result<proto::GetAvailabilityResponse, Error> {
        let state = self.read();
        let mut counts = match state.lot(lot_id)? {
            Some(lot) => convert::counts(lot),
            None => state.warm.lot(lot_id).ok_or(Error::PictureNotReady)?.counts.clone(),
        };
        counts.freshness = Some(freshness(&state));
        Ok(counts)
    }

    /// The spots of a lot, or of one of its floors, that stand after a key.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PictureNotReady`].
    pub fn spot_states(
        &self,
        lot_id: LotId,
        floor_id: Option<FloorId>,
        after: Option<&OrderKey>,
        size: usize,
    ) -> Result<SpotPage, Error> {
        let state = self.read();
        let freshness = freshness(&state);
        let Some(lot) = state.lot(lot_id)? else {
            let warm = state.warm.lot(lot_id).ok_or(Error::PictureNotReady)?;
            let floor = floor_id.map(|floor_id| floor_id.to_string());
            let rows = warm
                .spots
                .iter()
                .filter(|(_, spot)| floor.as_ref().is_none_or(|floor| *floor == spot.floor_id))
                .filter_map(|(floor_number, spot)| {
                    let spot_id = SpotId::parse(&spot.spot_id).ok()?;
                    Some((Place(*floor_number, &spot.spot_number, spot_id), spot))
                });
            let (page, next) = page(rows, after, size);
            let spots = page.into_iter().cloned().collect();
            return Ok(SpotPage { spots, next, freshness });
        };
        let rows = lot
            .spots()
            .filter(|spot| floor_id.is_none_or(|floor_id| floor_id == spot.info.floor_id))
            .map(|spot| (place(lot, spot), spot));
        let (page, next) = page(rows, after, size);
        let spots = page.into_iter().map(convert::spot_state).collect();
        Ok(SpotPage { spots, next, freshness })
    }
}

pub(super) fn freshness(state: &State) -> proto::Freshness {
    let (as_of, stale) = state.freshness();
    convert::freshness(as_of, stale)
}

/// A [`OrderKey`] by reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a>(i32, &'a str, SpotId);

fn place<'a>(lot: &LotPicture, spot: &'a SpotPicture) -> Place<'a> {
    // A floor that the inventory has not told of yet stands last.
    let floor_number =
        lot.floors.get(&spot.info.floor_id).map_or(i32::MAX, |floor| floor.floor_number);
    Place(floor_number, &spot.info.spot_number, spot.info.spot_id)
}

/// The first `size` rows after a key, in order, and the key to go on after if there are more.
fn page<'a, T>(
    rows: impl Iterator<Item = (Place<'a>, T)>,
    after: Option<&OrderKey>,
    size: usize,
) -> (Vec<T>, Option<OrderKey>) {
    let after = after.map(|key| Place(key.floor_number, &key.spot_number, key.spot_id));
    let mut rows: Vec<(Place<'a>, T)> =
        rows.filter(|(place, _)| after.is_none_or(|after| *place > after)).collect();
    let more = rows.len() > size;
    if more {
        // Only the page itself is put in order: a lot may have many pages.
        rows.select_nth_unstable_by_key(size, |(place, _)| *place);
        rows.truncate(size);
    }
    rows.sort_unstable_by_key(|(place, _)| *place);
    let last =
        rows.last().filter(|_| more).map(|(Place(floor_number, number, spot_id), _)| OrderKey {
            floor_number: *floor_number,
            spot_number: (*number).to_owned(),
            spot_id: *spot_id,
        });
    (rows.into_iter().map(|(_, row)| row).collect(), last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn pages_in_a_row_give_every_row_once_and_in_order() {
        let names = ["b", "a", "c", "a", "d"];
        let rows = || {
            names.iter().enumerate().map(|(n, name)| {
                let id = SpotId::from(Uuid::from_u128(n as u128));
                (Place(i32::try_from(n % 2).expect("small"), name, id), n)
            })
        };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let (page, next) = page(rows(), after.as_ref(), 2);
            assert!(page.len() <= 2);
            seen.extend(page);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [0, 2, 4, 1, 3]);
    }
}
