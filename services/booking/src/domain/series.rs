//! Series: windows that come again on days of the week, by the clock on a lot's wall.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use parkmesh_contracts::window::Window;

/// Occurrences that one call books at most: twelve weeks of weekdays. Each is a hold, a payment and a
/// confirmation while somebody waits.
pub const OCCURRENCES_MAX: usize = 60;
/// Minutes of a day.
const DAY_MINUTES: i32 = 24 * 60;

/// When a series recurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Days on which it begins, 1 is Monday.
    pub weekdays: Vec<i8>,
    /// Minutes after midnight at which it begins.
    pub start_minute: i32,
    /// Minutes after the same midnight at which it ends.
    pub end_minute: i32,
    /// The first day on which it may begin.
    pub first: Date,
    /// The last one.
    pub last: Date,
}

/// Why a rule makes no series: the field that is wrong, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleWrong(pub &'static str, pub &'static str);

/// One time of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The day on which it begins.
    pub date: Date,
    /// When it is; None where the day has no such time.
    pub window: Option<Window>,
}

impl Rule {
    /// The occurrences, in the order of time. A time that the day leaves out is as much later as the
    /// clock is put forward; of one that comes twice the first counts.
    ///
    /// # Errors
    /// [`RuleWrong`] when there are none or more than [`OCCURRENCES_MAX`], or a day has no such span.
    pub fn occurrences(&self, zone: &TimeZone) -> Result<Vec<Occurrence>, RuleWrong> {
        if !(1..=DAY_MINUTES).contains(&(self.end_minute - self.start_minute)) {
            let why = "must be after start_minute, at most 1440 minutes";
            return Err(RuleWrong("rule.end_minute", why));
        }
        if self.last < self.first {
            return Err(RuleWrong("rule.last_date", "must not be before first_date"));
        }
        let mut found = Vec::new();
        for date in self.first.series(Span::new().days(1)).take_while(|date| *date <= self.last) {
            if !self.weekdays.contains(&date.weekday().to_monday_one_offset()) {
                continue;
            }
            if found.len() >= OCCURRENCES_MAX {
                let why = "makes a series of more than 60 occurrences; book the rest in another";
                return Err(RuleWrong("rule.last_date", why));
            }
            found.push(Occurrence { date, window: self.window_on(date, zone) });
        }
        match found.is_empty() {
            true => Err(RuleWrong("rule.weekdays", "are none of the days between the dates")),
            false => Ok(found),
        }
    }

    fn window_on(&self, date: Date, zone: &TimeZone) -> Option<Window> {
        let midnight = DateTime::from_parts(date, Time::midnight());
        let at = |minute: i32| -> Option<Timestamp> {
            let wall = midnight.checked_add(Span::new().minutes(minute)).ok()?;
            zone.to_ambiguous_zoned(wall).compatible().ok().map(|at| at.timestamp())
        };
        Window::try_new(at(self.start_minute)?, at(self.end_minute)?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rule(weekdays: &[i8], (start, end): (i32, i32), (first, last): (&str, &str)) -> Rule {
        Rule {
            weekdays: weekdays.to_vec(),
            start_minute: start,
            end_minute: end,
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
        }
    }

    fn told(rule: &Rule, zone: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let occurrences = rule.occurrences(&zone).unwrap();
        let text = |window: &Window| format!("{} {}", window.start(), window.end());
        occurrences.iter().map(|one| one.window.as_ref().map_or(String::new(), text)).collect()
    }

    #[test]
    fn every_weekday_from_8_to_18_is_so_in_summer_and_in_winter() {
        let rule = rule(&[1, 5], (480, 1_080), ("2026-10-23", "2026-10-26"));
        let expected = [
            "2026-10-23T06:00:00Z 2026-10-23T16:00:00Z",
            // The clock was put back on the Sunday between.
            "2026-10-26T07:00:00Z 2026-10-26T17:00:00Z",
        ];
        assert_eq!(told(&rule, "Europe/Berlin"), expected);
    }

    #[test]
    fn what_a_day_leaves_out_is_later_and_of_what_comes_twice_the_first_counts() {
        // 02:30 is not there on 29 March, and comes twice on 25 October.
        let gap = rule(&[7], (150, 240), ("2026-03-29", "2026-03-29"));
        assert_eq!(told(&gap, "Europe/Berlin"), ["2026-03-29T01:30:00Z 2026-03-29T02:00:00Z"]);
        let fold = rule(&[7], (150, 240), ("2026-10-25", "2026-10-25"));
        assert_eq!(told(&fold, "Europe/Berlin"), ["2026-10-25T00:30:00Z 2026-10-25T03:00:00Z"]);
        // From 02:00 to 03:00 nothing is left.
        let gone = rule(&[7], (120, 180), ("2026-03-29", "2026-03-29"));
        assert_eq!(told(&gone, "Europe/Berlin"), [""]);
    }

    #[test]
    fn a_night_ends_on_the_next_day_also_after_the_last_one() {
        let rule = rule(&[7], (1_200, 1_560), ("2026-11-29", "2026-11-29"));
        assert_eq!(told(&rule, "UTC"), ["2026-11-29T20:00:00Z 2026-11-30T02:00:00Z"]);
    }

    #[test]
    fn a_rule_that_makes_no_series_names_its_field() {
        let all = [1, 2, 3, 4, 5, 6, 7];
        for (wrong, field) in [
            (rule(&all, (480, 480), ("2026-11-01", "2026-11-02")), "rule.end_minute"),
            (rule(&all, (480, 1_921), ("2026-11-01", "2026-11-02")), "rule.end_minute"),
            (rule(&all, (480, 540), ("2026-11-02", "2026-11-01")), "rule.last_date"),
            (rule(&all, (480, 540), ("2026-11-01", "2026-12-31")), "rule.last_date"),
            (rule(&[1], (480, 540), ("2026-11-03", "2026-11-08")), "rule.weekdays"),
            // Longer than anybody counts: the look ends at the most that is booked.
            (rule(&all, (480, 540), ("0001-01-01", "9999-12-31")), "rule.last_date"),
        ] {
            assert_eq!(wrong.occurrences(&TimeZone::UTC).unwrap_err().0, field);
        }
        let most = rule(&all, (480, 540), ("2026-11-01", "2026-12-30"));
        assert_eq!(most.occurrences(&TimeZone::UTC).unwrap().len(), OCCURRENCES_MAX);
    }
}
