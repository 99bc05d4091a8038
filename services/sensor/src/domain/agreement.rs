//! How far a sensor can be believed, judged by others: what drivers, kiosks and gates say of its spot, and
//! how often the spots around it change.

use jiff::{SignedDuration, Timestamp};

/// What a statement still counts when the next one has come.
const FADING: f64 = 0.97;
/// Statements that everybody is credited with: one mistake is none.
const CREDIT: f64 = 4.0;
/// Sensors that a floor has at least, so that there is a usual.
pub const NEIGHBOURS_MIN: usize = 5;
/// Below that many changes a day the neighbours say nothing.
const BUSY_PER_DAY: f64 = 2.0;
/// So many times as often, or as seldom, as the usual is nothing special.
const UNUSUAL: f64 = 8.0;
/// A sensor is not judged worse than this by its neighbours alone: some spots are odd.
const ODD_MIN: f64 = 0.2;

/// What is known about one sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Statements that it agreed with, older ones counting less.
    pub agreed: f64,
    /// Statements that it did not agree with.
    pub differed: f64,
    /// How often its spot changes; None before a second look.
    pub changes_per_day: Option<f64>,
    /// What is usual around it; None where there is no usual.
    pub neighbours_per_day: Option<f64>,
    /// The version of its spot at the last look; None where the sensor did not know then.
    pub seen: Option<i64>,
    /// The last look at its changes.
    pub look_time: Option<Timestamp>,
}

impl Agreement {
    /// Somebody has said what stands there, and the sensor agrees or does not.
    pub fn judged(&mut self, agrees: bool) {
        self.agreed *= FADING;
        self.differed *= FADING;
        match agrees {
            true => self.agreed += 1.0,
            false => self.differed += 1.0,
        }
    }

    /// Looks how often the spot has changed since the last look; half of what is told is of the last day. A
    /// sensor that does not know has no version: its first word is no change.
    pub fn looked(&mut self, version: Option<i64>, now: Timestamp) {
        let seen = std::mem::replace(&mut self.seen, version);
        let time = self.look_time.replace(now);
        let (Some(seen), Some(version), Some(time)) = (seen, version, time) else { return };
        let days = now.duration_since(time).as_secs_f64() / DAY.as_secs_f64();
        if days <= 0.0 {
            return;
        }
        let changes = i32::try_from(version.saturating_sub(seen)).unwrap_or(i32::MAX);
        let rate = f64::from(changes.max(0)) / days;
        let old = 0.5_f64.powf(days);
        self.changes_per_day =
            Some(self.changes_per_day.map_or(rate, |before| before * old + rate * (1.0 - old)));
    }

    /// Percent; None while nobody has said anything about it.
    pub fn percent(&self) -> Option<i32> {
        let said = self.agreed + self.differed;
        if said == 0.0 && self.neighbours_per_day.is_none() {
            return None;
        }
        let books = (self.agreed + CREDIT) / (said + CREDIT);
        let percent = (100.0 * books * self.among_neighbours()).round().clamp(0.0, 100.0);
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
        Some(percent as i32)
    }

    fn among_neighbours(&self) -> f64 {
        let (Some(mine), Some(usual)) = (self.changes_per_day, self.neighbours_per_day) else {
            return 1.0;
        };
        if usual < BUSY_PER_DAY {
            return 1.0;
        }
        let ratio = mine / usual;
        // As far beyond the unusual as it lies, upwards or downwards.
        (UNUSUAL * ratio.min(ratio.recip())).clamp(ODD_MIN, 1.0)
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is usual on a floor: the middle one of its sensors; None where they are too few.
pub fn usual(mut changes_per_day: Vec<f64>) -> Option<f64> {
    if changes_per_day.len() < NEIGHBOURS_MIN {
        return None;
    }
    changes_per_day.sort_unstable_by(f64::total_cmp);
    changes_per_day.get(changes_per_day.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::new(1_800_000_000 + hour * 3_600, 0).expect("in range")
    }

    #[test]
    fn who_was_never_judged_has_no_score_and_one_mistake_is_not_the_end() {
        let mut sensor = Agreement::default();
        assert_eq!(sensor.percent(), None);
        sensor.judged(true);
        assert_eq!(sensor.percent(), Some(100));
        sensor.judged(false);
        assert_eq!(sensor.percent(), Some(83));
    }

    #[test]
    fn who_is_always_wrong_is_soon_below_a_half_and_recovers_when_it_is_right_again() {
        let mut sensor = Agreement::default();
        (0..5).for_each(|_| sensor.judged(false));
        assert!(sensor.percent() < Some(50), "{:?}", sensor.percent());
        (0..40).for_each(|_| sensor.judged(true));
        assert!(sensor.percent() > Some(90), "{:?}", sensor.percent());
    }

    #[test]
    fn changes_are_counted_a_day_and_old_ones_fade() {
        let mut sensor = Agreement::default();
        sensor.looked(Some(1), at(0));
        assert_eq!(sensor.changes_per_day, None, "nothing to compare with yet");
        sensor.looked(Some(5), at(12));
        assert_eq!(sensor.changes_per_day, Some(8.0));
        sensor.looked(Some(5), at(36));
        assert_eq!(sensor.changes_per_day, Some(4.0), "half of it is the last day");
        sensor.looked(Some(9), at(36));
        assert_eq!(sensor.changes_per_day, Some(4.0), "no time has passed");
    }

    #[test]
    fn the_first_word_of_a_sensor_is_no_change() {
        let mut sensor = Agreement::default();
        sensor.looked(None, at(0));
        sensor.looked(Some(2), at(1));
        assert_eq!(sensor.changes_per_day, None, "it has only begun to speak");
        sensor.looked(Some(2), at(2));
        assert_eq!(sensor.changes_per_day, Some(0.0));
    }

    #[test]
    fn a_sensor_that_never_changes_among_busy_ones_is_not_believed_and_a_quiet_floor_says_nothing()
    {
        let among = |mine, usual| Agreement {
            changes_per_day: Some(mine),
            neighbours_per_day: Some(usual),
            ..Agreement::default()
        };
        assert_eq!(among(10.0, 10.0).percent(), Some(100));
        assert_eq!(among(1.5, 10.0).percent(), Some(100), "some spots are at the far end");
        assert_eq!(among(0.0, 10.0).percent(), Some(20));
        assert_eq!(among(200.0, 10.0).percent(), Some(40));
        assert_eq!(among(0.0, 1.0).percent(), Some(100));
    }

    #[test]
    fn the_usual_is_the_middle_one_of_enough() {
        assert_eq!(usual(vec![1.0, 2.0, 3.0, 4.0]), None);
        assert_eq!(usual(vec![9.0, 0.0, 4.0, 1.0, 100.0]), Some(4.0));
    }
}
