//! Lots as open data shows them.

use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::ids::LotId;

use super::App;
use crate::convert;
use crate::domain::lot::LotPicture;
use crate::domain::spot::Ground;
use crate::opendata::directory::Known;
use crate::opendata::view::{Lot, Spot};

impl App {
    /// All lots that the directory knows, or one of them, in no order; `None` while the picture does not stand.
    pub fn open_lots(&self, known: &Known, only: Option<LotId>, spots: bool) -> Option<Vec<Lot>> {
        let state = self.read();
        if !state.feeds.is_standing() {
            return None;
        }
        let (as_of, _stale) = state.freshness();
        let lots = state.picture.lots().filter(|lot| only.is_none_or(|id| id == lot.info.lot_id));
        let told = lots.filter_map(|lot| {
            let listing = known.lots.get(&lot.info.lot_id)?.clone();
            let counts = convert::counts(lot);
            let types = counts.types.iter();
            let closed = lot.spots().filter(|spot| spot.status == SpotStatus::OutOfService);
            Some(Lot {
                lot_id: lot.info.lot_id.to_string(),
                listing,
                floors: lot.floors.len(),
                free: counts.free,
                total: counts.total,
                closed: i32::try_from(closed.count()).unwrap_or(0),
                types: types.map(|one| (one.spot_type(), one.free, one.total)).collect(),
                as_of,
                spots: if spots { spots_of(lot, known) } else { Vec::new() },
            })
        });
        Some(told.collect())
    }
}

fn spots_of(lot: &LotPicture, known: &Known) -> Vec<Spot> {
    let floor = |floor_id| lot.floors.get(floor_id).map_or(0, |floor| floor.floor_number);
    let spots = lot.spots().map(|spot| Spot {
        spot_id: spot.info.spot_id.to_string(),
        number: spot.info.spot_number.clone(),
        floor_number: floor(&spot.info.floor_id),
        spot_type: spot.info.spot_type,
        status: spot.status,
        watched: spot.ground != Ground::Unwatched,
        place: known.spots.get(&spot.info.spot_id).copied(),
    });
    let mut spots: Vec<Spot> = spots.collect();
    spots.sort_by(|one, other| {
        (one.floor_number, &one.number, &one.spot_id).cmp(&(
            other.floor_number,
            &other.number,
            &other.spot_id,
        ))
    });
    spots
}
