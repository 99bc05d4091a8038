//! Days from one to another, as the clock of a zone has them.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Days of a report.
const DAYS_MAX: i32 = 366;

/// Some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub first: Date,
    /// The last day, included.
    pub last: Date,
    /// Where days begin.
    pub time_zone: TimeZone,
    /// The zone's name.
    pub time_zone_name: String,
}

impl Days {
    /// From the first instant of the first day to that of the day after the last.
    ///
    /// # Errors
    /// The field that is wrong, and how.
    pub fn span(&self) -> Result<(Timestamp, Timestamp), (&'static str, String)> {
        let days = self.first.until(self.last).map_or(-1, |span| span.get_days());
        if !(0..DAYS_MAX).contains(&days) {
            return Err(("last_date", format!("must be from first_date to {DAYS_MAX} days later")));
        }
        let begins = |date: Date| self.time_zone.to_zoned(date.to_datetime(Time::midnight()));
        let end = self.last.checked_add(1.day()).and_then(begins);
        match (begins(self.first), end) {
            (Ok(start), Ok(end)) => Ok((start.timestamp(), end.timestamp())),
            _ => Err(("first_date", "is out of range".to_owned())),
        }
    }
}
