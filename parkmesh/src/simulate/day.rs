//! How busy each hour of a day is. Pure.

use clap::ValueEnum;

/// Milliseconds of an hour, and of a day.
pub const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A kind of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Day {
    /// Every hour alike.
    Flat,
    /// Shoppers: little before ten, most at noon and after work, nobody at night.
    Mall,
    /// Workers: they come from seven to nine and are gone at six.
    Office,
}

/// Shares of the busiest hour, from midnight.
const MALL: [f64; 24] = [
    0.04, 0.02, 0.02, 0.02, 0.02, 0.03, 0.05, 0.10, 0.20, 0.40, 0.65, 0.80, 1.0, 1.0, 0.95, 0.90,
    0.95, 1.0, 0.95, 0.70, 0.40, 0.20, 0.12, 0.08,
];
const OFFICE: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.03, 0.08, 0.30, 0.80, 1.0, 0.95, 0.90, 0.90, 0.80, 0.80, 0.85, 0.75,
    0.50, 0.25, 0.12, 0.08, 0.05, 0.04, 0.03, 0.02,
];

impl Day {
    /// The share of the busiest hour at this time after midnight.
    pub fn share(self, after_midnight_ms: i64) -> f64 {
        let hour = after_midnight_ms.rem_euclid(DAY_MS) / HOUR_MS;
        let hour = usize::try_from(hour).unwrap_or_default();
        match self {
            Self::Flat => 1.0,
            Self::Mall => MALL[hour % 24],
            Self::Office => OFFICE[hour % 24],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mall_is_empty_at_night_and_the_next_day_is_as_the_first() {
        assert!(Day::Mall.share(3 * HOUR_MS) < 0.1 && Day::Mall.share(12 * HOUR_MS) > 0.9);
        assert!(Day::Office.share(20 * HOUR_MS) < Day::Office.share(8 * HOUR_MS));
        for day in [Day::Flat, Day::Mall, Day::Office] {
            assert_eq!(day.share(9 * HOUR_MS), day.share(9 * HOUR_MS + DAY_MS));
        }
    }
}
