//! What parking costs: started hours times the rate of the frozen tariff.

use jiff::SignedDuration;
use parkmesh_contracts::money::{Money, MoneyError};
use parkmesh_contracts::window::Window;

use crate::domain::inventory::Tariff;

const SECONDS_PER_HOUR: i64 = 3_600;

/// A price that stays as it is, whatever happens to the tariff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The tariff that it comes from.
    pub tariff_version: i64,
    /// One started hour.
    pub hourly_rate: Money,
    /// The whole window: what is authorised, and the most that is ever taken.
    pub amount: Money,
}

/// One line of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// For people.
    pub description: &'static str,
    /// How many.
    pub quantity: i64,
    /// Price of one.
    pub unit_amount: Money,
    /// Quantity times unit.
    pub amount: Money,
}

/// Hours begun in a stay; at least one.
pub fn started_hours(stay: SignedDuration) -> i64 {
    let whole = stay.as_secs() / SECONDS_PER_HOUR;
    let rest = stay - SignedDuration::from_secs(whole * SECONDS_PER_HOUR);
    (whole + i64::from(rest > SignedDuration::ZERO)).max(1)
}

impl Price {
    /// The price of a window.
    ///
    /// # Errors
    /// When it does not fit, which the limits of rates and windows rule out.
    pub fn of(tariff: &Tariff, window: &Window) -> Result<Self, MoneyError> {
        let hourly_rate = tariff.hourly_rate;
        let amount = hourly_rate.checked_mul(started_hours(window.duration()))?;
        Ok(Self { tariff_version: tariff.version, hourly_rate, amount })
    }

    /// How the price of the window that it was made for adds up.
    pub fn lines(&self, window: &Window) -> Vec<Line> {
        vec![Line {
            description: "Parking, by the started hour",
            quantity: started_hours(window.duration()),
            unit_amount: self.hourly_rate,
            amount: self.amount,
        }]
    }

    /// What a stay costs, and how that adds up. Never more than was authorised.
    ///
    /// # Errors
    /// When it does not fit, which the limits of rates and windows rule out.
    pub fn of_stay(&self, stay: SignedDuration) -> Result<(Money, Vec<Line>), MoneyError> {
        let quantity = started_hours(stay);
        let full = self.hourly_rate.checked_mul(quantity)?;
        let mut lines = vec![Line {
            description: "Parking, by the started hour",
            quantity,
            unit_amount: self.hourly_rate,
            amount: full,
        }];
        if full.checked_cmp(self.amount)?.is_le() {
            return Ok((full, lines));
        }
        let waived = self.amount.checked_sub(full)?;
        lines.push(Line {
            description: "Not charged: beyond the amount authorised",
            quantity: 1,
            unit_amount: waived,
            amount: waived,
        });
        Ok((self.amount, lines))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn price(rate: i64, hours: i64) -> Price {
        let euros = |minor| Money::new(minor, "EUR".parse().unwrap());
        Price { tariff_version: 1, hourly_rate: euros(rate), amount: euros(rate * hours) }
    }

    #[test]
    fn a_begun_hour_counts_whole() {
        let hours = |micros: i64| started_hours(SignedDuration::from_micros(micros));
        assert_eq!(hours(0), 1);
        assert_eq!(hours(1), 1);
        assert_eq!(hours(3_600_000_000), 1);
        assert_eq!(hours(3_600_000_001), 2);
        assert_eq!(hours(7_200_000_000), 2);
    }

    #[test]
    fn a_short_stay_costs_less_than_was_authorised() {
        let (amount, lines) = price(250, 3).of_stay(SignedDuration::from_mins(61)).unwrap();
        assert_eq!((amount.minor, lines.len()), (500, 1));
    }

    proptest! {
        #[test]
        fn a_stay_never_costs_more_than_was_authorised_and_its_lines_add_up(
            rate in 0..1_000_000_i64, booked in 1..720_i64, minutes in 0..60_000_i64,
        ) {
            let price = price(rate, booked);
            let (amount, lines) = price.of_stay(SignedDuration::from_mins(minutes)).unwrap();
            prop_assert!(amount.minor <= price.amount.minor && amount.minor >= 0);
            prop_assert_eq!(lines.iter().map(|line| line.amount.minor).sum::<i64>(), amount.minor);
            for line in lines {
                prop_assert_eq!(line.quantity * line.unit_amount.minor, line.amount.minor);
            }
        }
    }
}
