//! Opening hours: spans of every week by the clock on the lot's wall. An instant is open when that
//! clock then shows a time inside a span; so days of 23 and 25 hours need no rule of their own.
//!
//! Between two changes of a zone's offset the wall runs evenly. There, spans are numbers on a circle
//! of one week; a window is looked at stretch by stretch.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// Minutes of a day.
pub const DAY_MINUTES: i32 = 24 * 60;
/// Minutes of a week.
const WEEK_MINUTES: i32 = 7 * DAY_MINUTES;
/// Nanoseconds of a minute.
const MINUTE: i128 = 60 * 1_000_000_000;
/// Nanoseconds of a week.
const WEEK: i128 = WEEK_MINUTES as i128 * MINUTE;
/// From the Monday before to 1 January 1970, a Thursday, in nanoseconds.
const EPOCH_IN_WEEK: i128 = 3 * DAY_MINUTES as i128 * MINUTE;
/// Stretches of even time that a search for the next opening looks at. A zone changes its offset a
/// few times a year, and a week without a change has every span.
const STRETCHES_MAX: usize = 100;

/// A span of every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpeningSpan {
    /// The day on which it opens, 0 is Monday.
    pub day: u8,
    /// Minutes after midnight.
    pub open: i32,
    /// Minutes after the same midnight, after `open` and at most a day later.
    pub close: i32,
}

impl OpeningSpan {
    /// Whether it is a span at all.
    pub fn is_possible(&self) -> bool {
        self.day < 7
            && (0..DAY_MINUTES).contains(&self.open)
            && (1..=DAY_MINUTES).contains(&(self.close - self.open))
    }

    /// Minutes of the week, the end past Sunday's midnight where it is so.
    fn in_week(self) -> (i32, i32) {
        let midnight = i32::from(self.day) * DAY_MINUTES;
        (midnight + self.open, midnight + self.close)
    }
}

/// When a lot is open; no span means always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpeningHours(pub Vec<OpeningSpan>);

impl OpeningHours {
    /// Whether nothing is said, which means always.
    pub fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// The first instant of the window at which the lot is closed.
    pub fn first_closed(&self, zone: &TimeZone, window: &Window) -> Option<Timestamp> {
        let week = Week::of(self);
        let mut at = window.start();
        while at < window.end() {
            let stretch = Stretch::at(zone, at);
            let open = week.open_for(stretch.in_week(at));
            if open == 0 {
                return Some(at);
            }
            let end = stretch.end.min(window.end());
            at = match later(at, open) {
                Some(_) if open == WEEK => end,
                Some(closes) if closes < end => return Some(closes),
                _ => end,
            };
        }
        None
    }

    /// The first instant from `from` on at which the lot is open.
    pub fn next_open(&self, zone: &TimeZone, from: Timestamp) -> Option<Timestamp> {
        let week = Week::of(self);
        let mut at = from;
        for _stretch in 0..STRETCHES_MAX {
            let stretch = Stretch::at(zone, at);
            at = match later(at, week.opens_in(stretch.in_week(at))?) {
                Some(opens) if opens < stretch.end => return Some(opens),
                _ => stretch.end,
            };
        }
        None
    }
}

/// An instant so many nanoseconds later; None beyond the end of time.
fn later(at: Timestamp, nanoseconds: i128) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanosecond().checked_add(nanoseconds)?).ok()
}

/// A time in which a zone keeps its offset.
struct Stretch {
    /// Nanoseconds that the wall is ahead of UTC.
    offset: i128,
    /// When that changes.
    end: Timestamp,
}

impl Stretch {
    fn at(zone: &TimeZone, at: Timestamp) -> Self {
        let end = zone.following(at).next().map_or(Timestamp::MAX, |change| change.timestamp());
        let offset = i128::from(zone.to_offset(at).seconds()) * 1_000_000_000;
        Self { offset, end }
    }

    /// Where the wall stands in its week, in nanoseconds from Monday's midnight.
    fn in_week(&self, at: Timestamp) -> i128 {
        (at.as_nanosecond() + self.offset + EPOCH_IN_WEEK).rem_euclid(WEEK)
    }
}

/// The spans on the circle of one week, in nanoseconds: in order, apart from each other, the last one
/// past the circle's end where it runs into the next week.
struct Week(Vec<(i128, i128)>);

impl Week {
    fn of(hours: &OpeningHours) -> Self {
        let mut spans: Vec<(i32, i32)> = Vec::new();
        for (open, close) in hours.0.iter().map(|span| span.in_week()) {
            spans.push((open, close.min(WEEK_MINUTES)));
            if close > WEEK_MINUTES {
                spans.push((0, close - WEEK_MINUTES));
            }
        }
        spans.sort_unstable();
        let mut apart: Vec<(i128, i128)> = Vec::new();
        for (open, close) in spans {
            let (open, close) = (i128::from(open) * MINUTE, i128::from(close) * MINUTE);
            match apart.last_mut() {
                Some(last) if open <= last.1 => last.1 = last.1.max(close),
                _ => apart.push((open, close)),
            }
        }
        Self(apart)
    }

    /// How long the lot stays open from here: 0 when it is closed, a week when it never closes.
    fn open_for(&self, at: i128) -> i128 {
        let Some((_, close)) = self.0.iter().find(|(open, close)| (*open..*close).contains(&at))
        else {
            return 0;
        };
        match self.0.first() {
            Some((0, WEEK)) => WEEK,
            // Sunday's midnight is no end where Monday begins open.
            Some((0, monday)) if *close == WEEK => WEEK - at + monday,
            _ => close - at,
        }
    }

    /// How long it is from here until the lot is open; 0 when it is. None when it never is.
    fn opens_in(&self, at: i128) -> Option<i128> {
        if self.open_for(at) > 0 {
            return Some(0);
        }
        let next = self.0.iter().map(|(open, _)| *open).find(|open| *open > at);
        next.map(|open| open - at).or_else(|| Some(WEEK - at + self.0.first()?.0))
    }
}
