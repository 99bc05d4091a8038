//! How full lots were, and how full they will be.
//!
//! Every quarter of an hour each replica notes how many spots of a lot have a car. All replicas see the same picture, so
//! it does not matter who writes it to Redis; what Redis loses, a replica that lives writes again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::common::v1::SpotStatus;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::time::to_proto;
use parkmesh_contracts::window::Window;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault::invalid;

use super::App;
use super::read::freshness;
use crate::domain::forecast::{Forecast, History, Sample, wall_quarter};
use crate::domain::lot::LotPicture;
use crate::domain::search::rules::Refusal;
use crate::error::Error;
use crate::store::history::Unwritten;

/// A quarter of an hour.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);
/// How far ahead forecasts go: farther, the time of the year matters more than the week.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Who asks needs time to ask.
const PAST_MAX: SignedDuration = SignedDuration::from_mins(5);
/// Steps of a report at most.
const STEPS_MAX: i64 = 1_500;

/// What was recorded of one lot.
#[derive(Debug, Default)]
pub struct LotHistory {
    history: History,
    /// What Redis held is in it.
    is_loaded: bool,
    /// The last quarter that Redis has of ours.
    written: Option<i64>,
}

/// Of all lots.
pub type Histories = HashMap<LotId, LotHistory>;

impl App {
    fn histories(&self) -> RwLockReadGuard<'_, Histories> {
        self.histories.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn histories_mut(&self) -> RwLockWriteGuard<'_, Histories> {
        self.histories.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lots of which nobody has looked yet what Redis holds.
    #[must_use]
    pub fn unloaded_histories(&self) -> Vec<LotId> {
        let state = self.read();
        let histories = self.histories();
        let is_loaded = |lot_id| histories.get(&lot_id).is_some_and(|lot| lot.is_loaded);
        let lots = state.picture.lots().map(|lot| lot.info.lot_id);
        lots.filter(|lot_id| !is_loaded(*lot_id)).collect()
    }

    /// Takes in what Redis holds of a lot. What this replica has noted itself stays.
    pub fn take_history(&self, lot_id: LotId, mut samples: Vec<(i64, Sample)>) {
        samples.sort_unstable_by_key(|(quarter, _)| *quarter);
        let mut histories = self.histories_mut();
        let lot = histories.entry(lot_id).or_default();
        let mut loaded = History::default();
        let own: Vec<(i64, Sample)> = lot.history.iter().collect();
        for (quarter, sample) in samples.into_iter().chain(own) {
            loaded.put(quarter, sample);
        }
        *lot = LotHistory { history: loaded, is_loaded: true, written: None };
    }

    /// What Redis is still to be told.
    #[must_use]
    pub fn unwritten_histories(&self) -> Vec<Unwritten> {
        let histories = self.histories();
        let loaded = histories.iter().filter(|(_, lot)| lot.is_loaded);
        let behind = loaded.filter(|(_, lot)| lot.history.newest() > lot.written);
        let unwritten = behind.map(|(lot_id, lot)| Unwritten {
            lot_id: *lot_id,
            after: lot.written,
            history: lot.history.clone(),
        });
        unwritten.collect()
    }

    /// Redis was told all of these.
    pub fn history_written(&self, told: &Unwritten) {
        if let Some(lot) = self.histories_mut().get_mut(&told.lot_id) {
            lot.written = told.history.newest();
        }
    }

    /// Notes how full every lot is whose quarter of an hour has not been noted. Nothing while the picture is behind: what
    /// is not known is no sample.
    pub fn note_occupancy(&self) {
        let now = self.clock.now();
        let state = self.read();
        if state.freshness().1 {
            return;
        }
        let mut histories = self.histories_mut();
        for lot in state.picture.lots() {
            let quarter = wall_quarter(&lot.info.rules.zone, now);
            let known = histories.entry(lot.info.lot_id).or_default();
            if known.history.at(quarter).is_none()
                && let Some(sample) = sample(lot)
            {
                known.history.put(quarter, sample);
            }
        }
    }

    /// How full a lot is expected to be.
    ///
    /// # Errors
    /// [`Error::LotNotFound`], [`Error::PictureNotReady`]; [`Error::Invalid`] for a time that has passed or is too far.
    pub fn forecast(
        &self,
        lot_id: LotId,
        arrive: Timestamp,
    ) -> Result<proto::ForecastAvailabilityResponse, Error> {
        let now = self.clock.now();
        if now.duration_since(arrive) > PAST_MAX || arrive.duration_since(now) > AHEAD_MAX {
            let why = "must be now or within the next 30 days";
            return Err(Error::Invalid(vec![invalid("arrive_time", why)]));
        }
        let state = self.read();
        let lot = state.lot(lot_id)?.ok_or(Error::PictureNotReady)?;
        let quarter = wall_quarter(&lot.info.rules.zone, arrive);
        let known = self.histories().get(&lot_id).and_then(|lot| lot.history.forecast(quarter));
        let forecast = known.or_else(|| sample(lot).and_then(as_it_is)).unwrap_or_default();
        let total = f64::from(u32::try_from(lot.roster().in_service().count()).unwrap_or(u32::MAX));
        let spots = |share: f64| (share * total).round() as i32;
        // Whoever has booked will be there, whatever is usual.
        let unbooked = unbooked(lot, arrive, now);
        Ok(proto::ForecastAvailabilityResponse {
            expected_free: spots(1.0 - forecast.share).min(unbooked),
            usual_error: spots(forecast.error),
            unbooked,
            total: spots(1.0),
            weeks: i32::try_from(forecast.weeks).unwrap_or(i32::MAX),
            freshness: Some(freshness(&state)),
        })
    }

    /// How full a lot was, step by step.
    ///
    /// # Errors
    /// [`Error::LotNotFound`] also for a lot of somebody else; [`Error::PictureNotReady`]; [`Error::Invalid`] for more
    /// steps than an answer has.
    pub fn occupancy_report(
        &self,
        caller: &Caller,
        lot_id: LotId,
        window: &Window,
        step: SignedDuration,
    ) -> Result<proto::GetOccupancyReportResponse, Error> {
        if window.duration().as_secs() > STEPS_MAX * step.as_secs() {
            let why = format!("must have at most {STEPS_MAX} steps");
            return Err(Error::Invalid(vec![invalid("window", why)]));
        }
        let state = self.read();
        let lot = state.lot(lot_id)?.ok_or(Error::PictureNotReady)?;
        let is_own = lot.info.operator_id.as_ref() == Some(&caller.subject);
        if !is_own || !caller.may_act_at(lot_id) {
            return Err(Error::LotNotFound);
        }
        let histories = self.histories();
        let history = histories.get(&lot_id).map(|lot| &lot.history);
        let mut steps = Vec::new();
        let mut start = window.start();
        while start < window.end() {
            let end = (start + step).min(window.end());
            let quarters = quarters(lot, start, end);
            let samples = quarters.filter_map(|quarter| history?.at(quarter)).collect();
            steps.push(told(start, samples));
            start = end;
        }
        Ok(proto::GetOccupancyReportResponse { steps, freshness: Some(freshness(&state)) })
    }
}

/// How many spots of a lot have a car, of those of which that is known.
fn sample(lot: &LotPicture) -> Option<Sample> {
    let (mut occupied, mut capacity) = (0, 0);
    for spot in lot.spots() {
        let known = !matches!(spot.status, SpotStatus::Unknown | SpotStatus::OutOfService);
        capacity += i64::from(known);
        occupied += i64::from(spot.status == SpotStatus::Occupied);
    }
    Sample::of(occupied, capacity)
}

/// What is expected of a lot of which nothing was recorded yet.
fn as_it_is(sample: Sample) -> Option<Forecast> {
    let mut history = History::default();
    history.put(0, sample);
    history.forecast(1)
}

/// Spots that nobody has booked for the quarter of an hour from then on; none of a lot that is not open.
fn unbooked(lot: &LotPicture, arrive: Timestamp, now: Timestamp) -> i32 {
    let Ok(window) = Window::try_new(arrive, arrive + QUARTER) else { return 0 };
    let found = lot.search(window, now);
    let free: u32 = match found.refusal {
        // The lot takes no booking of this length, or so far ahead; it may be there all the same.
        Some(Refusal::TooShort | Refusal::TooLong | Refusal::TooFar | Refusal::Past) => {
            found.counts.types.values().map(|count| count.total).sum()
        }
        Some(Refusal::NotOpen) | None => found.counts.types.values().map(|count| count.free).sum(),
    };
    i32::try_from(free).unwrap_or(i32::MAX)
}

/// The quarters on the wall of a span.
fn quarters(lot: &LotPicture, start: Timestamp, end: Timestamp) -> impl Iterator<Item = i64> {
    let mut at = Some(start);
    let instants = std::iter::from_fn(move || {
        let instant = at.filter(|at| *at < end)?;
        at = instant.checked_add(QUARTER).ok();
        Some(instant)
    });
    instants.map(|at| wall_quarter(&lot.info.rules.zone, at))
}

fn told(start: Timestamp, samples: Vec<Sample>) -> proto::OccupancyStep {
    let count = i32::try_from(samples.len()).unwrap_or(i32::MAX);
    let occupied = samples.iter().map(|sample| f64::from(sample.occupied)).sum::<f64>();
    let most = |of: fn(&Sample) -> u32| samples.iter().map(of).max().unwrap_or(0);
    proto::OccupancyStep {
        start_time: Some(to_proto(start)),
        mean_occupied: if samples.is_empty() { 0.0 } else { occupied / f64::from(count) },
        most_occupied: i32::try_from(most(|sample| sample.occupied)).unwrap_or(i32::MAX),
        capacity: i32::try_from(most(|sample| sample.capacity)).unwrap_or(i32::MAX),
        samples: count,
        clamped: samples.iter().any(|sample| sample.clamped),
    }
}
