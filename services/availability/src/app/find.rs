//! Lots near a point, or by name and address, with what is free in them.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::availability::v1::LotOrder;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::money::Money;
use parkmesh_contracts::window::Window;
use serde::{Deserialize, Serialize};

use super::read::freshness;
use super::{App, State};
use crate::convert;
use crate::domain::counts::Count;
use crate::domain::lot::LotPicture;
use crate::domain::places::Point;
use crate::domain::search::rules::Refusal;
use crate::error::Error;

/// Without a window, what is free now is told, and the price of the hour that begins now.
const NOW_PRICED: SignedDuration = SignedDuration::from_hours(1);
/// Letters of a name that decide its place in the order; page tokens hold them.
const NAME_LETTERS: usize = 40;

/// Which lots are to be found.
#[derive(Clone, Debug)]
pub struct Find {
    /// Around a point, so many metres.
    pub near: Option<(Point, f64)>,
    /// Each begins a word of the name or the address; lower case.
    pub words: Vec<String>,
    /// When a place is needed; None: now.
    pub window: Option<Window>,
    /// What kind of place.
    pub spot_type: Option<SpotType>,
    /// Which come first.
    pub order: LotOrder,
    /// None in which nothing is free.
    pub free_only: bool,
    /// Those after this one.
    pub after: Option<FoundKey>,
    /// At most so many.
    pub size: usize,
}

impl Find {
    /// All but the page, as a text: what a page token is bound to.
    #[must_use]
    pub fn arguments(&self) -> String {
        let Self { near, words, window, spot_type, order, free_only, .. } = self;
        format!("{near:?} {words:?} {window:?} {spot_type:?} {order:?} {free_only}")
    }
}

/// Where a lot stands among those found; page tokens hold it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundKey {
    /// 1 for those of which what they are ordered by is not known.
    last: u8,
    text: String,
    number: i64,
    lot_id: LotId,
}

/// A page of lots.
#[derive(Debug)]
pub struct FoundPage {
    /// In order.
    pub lots: Vec<proto::FoundLot>,
    /// The last of them, when there are more.
    pub next: Option<FoundKey>,
    /// How fresh.
    pub freshness: proto::Freshness,
}

/// A lot that is looked at.
struct Hit<'a> {
    lot: &'a LotPicture,
    meters: Option<f64>,
}

/// What is free in one.
struct Free {
    count: Count,
    refusal: Option<Refusal>,
}

impl App {
    /// The lots that fit, in order, after one of them.
    ///
    /// # Errors
    /// [`Error::PictureNotReady`] while the picture does not stand.
    pub fn find_lots(&self, find: &Find) -> Result<FoundPage, Error> {
        let now = self.clock.now();
        let state = self.read();
        if !state.feeds.is_standing() {
            return Err(Error::PictureNotReady);
        }
        let mut found: Vec<(FoundKey, Hit<'_>)> = Vec::new();
        for hit in hits(&state, find) {
            // Counting is what takes time: where it decides nothing, only the page is counted.
            let counts = find.free_only || find.order == LotOrder::Free;
            let counted = counts.then(|| hit.free(find, now));
            if find.free_only && counted.as_ref().is_some_and(|free| free.count.free == 0) {
                continue;
            }
            let key = hit.key(find, counted.as_ref(), now);
            if find.after.as_ref().is_none_or(|after| key > *after) {
                found.push((key, hit));
            }
        }
        found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let more = found.len() > find.size;
        found.truncate(find.size);
        let next = found.last().filter(|_| more).map(|(key, _)| key.clone());
        let lots = found.iter().map(|(_, hit)| hit.tell(find, now)).collect();
        Ok(FoundPage { lots, next, freshness: freshness(&state) })
    }
}

fn hits<'a>(state: &'a State, find: &Find) -> Vec<Hit<'a>> {
    let fits = |hit: &Hit<'_>| {
        let known = &hit.lot.info.place.words;
        find.words.iter().all(|word| known.iter().any(|it| it.starts_with(word.as_str())))
    };
    match find.near {
        Some((point, radius_m)) => {
            let near = state.picture.near(point, radius_m);
            let hits = near.map(|(lot, meters)| Hit { lot, meters: Some(meters) });
            hits.filter(fits).collect()
        }
        None => state.picture.lots().map(|lot| Hit { lot, meters: None }).filter(fits).collect(),
    }
}

impl Hit<'_> {
    fn free(&self, find: &Find, now: Timestamp) -> Free {
        let (counts, refusal) = match find.window {
            Some(window) => {
                let found = self.lot.search(window, now);
                (found.counts, found.refusal)
            }
            None => (self.lot.counts_now(), None),
        };
        let wanted = |spot_type: SpotType| find.spot_type.is_none_or(|it| it == spot_type);
        let mut count = Count::default();
        for (_, of_type) in counts.types.iter().filter(|(spot_type, _)| wanted(**spot_type)) {
            count.free += of_type.free;
            count.total += of_type.total;
        }
        Free { count, refusal }
    }

    /// As booking would quote it.
    fn price(&self, find: &Find, now: Timestamp) -> Option<Money> {
        let window = find.window.or_else(|| Window::try_new(now, now + NOW_PRICED).ok())?;
        self.lot.info.price(&window, find.spot_type.unwrap_or(SpotType::Regular))
    }

    fn key(&self, find: &Find, free: Option<&Free>, now: Timestamp) -> FoundKey {
        let lot_id = self.lot.info.lot_id;
        let (last, text, number) = match find.order {
            LotOrder::Price => match self.price(find, now) {
                Some(price) => (0, price.currency.to_string(), price.minor),
                None => (1, String::new(), 0),
            },
            LotOrder::Free => {
                (0, String::new(), -free.map_or(0, |free| i64::from(free.count.free)))
            }
            LotOrder::Name => {
                (0, self.lot.info.name.to_lowercase().chars().take(NAME_LETTERS).collect(), 0)
            }
            // Whole millimetres: a key must be the same on every page.
            LotOrder::Distance | LotOrder::Unspecified => {
                (0, String::new(), self.meters.map_or(i64::MAX, |meters| (meters * 1_000.0) as i64))
            }
        };
        FoundKey { last, text, number, lot_id }
    }

    fn tell(&self, find: &Find, now: Timestamp) -> proto::FoundLot {
        let free = self.free(find, now);
        let info = &self.lot.info;
        proto::FoundLot {
            lot_id: info.lot_id.to_string(),
            name: info.name.clone(),
            address: info.place.address.clone(),
            point: Some(convert::point(info.place.point)),
            distance_meters: self.meters,
            free: i32::try_from(free.count.free).unwrap_or(i32::MAX),
            total: i32::try_from(free.count.total).unwrap_or(i32::MAX),
            price: self.price(find, now).map(Into::into),
            refusal: convert::refusal(free.refusal).into(),
        }
    }
}
