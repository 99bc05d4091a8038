//! What a booking costs: the tariff that was frozen into it, and what was authorised.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::{Money, MoneyError};
use parkmesh_contracts::window::Window;

use crate::domain::inventory::Lot;
use crate::domain::tariff::{Bill, Fare, FareError, Line};

/// The version that stands where no tariff was asked.
pub const NO_TARIFF: i64 = 0;

/// A price that stays as it is, whatever happens to the tariff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The tariff that it comes from.
    pub tariff_version: i64,
    /// An hour at that tariff's plain rate.
    pub hourly_rate: Money,
    /// The whole window: what is authorised, and the most that is ever taken.
    pub amount: Money,
    /// The tariff, for a spot of the type that was booked. None for a ticket, which has one price
    /// however long the car stays.
    pub fare: Option<Fare>,
}

impl Price {
    /// The price of a window on a spot of this type, by the tariff of the lot that holds now.
    ///
    /// # Errors
    /// When it does not fit, which the limits of prices and windows rule out; or when the lot's
    /// zone is gone.
    pub fn of(lot: &Lot, spot_type: SpotType, window: &Window) -> Result<Self, FareError> {
        let fare = lot.tariff.fare(spot_type, &lot.time_zone)?;
        Ok(Self {
            tariff_version: lot.tariff.version,
            hourly_rate: lot.tariff.hourly_rate(),
            amount: fare.window_amount(window)?,
            fare: Some(fare),
        })
    }

    /// The price of a ticket.
    pub const fn of_ticket(price: Money) -> Self {
        let hourly_rate = Money::zero(price.currency);
        Self { tariff_version: NO_TARIFF, hourly_rate, amount: price, fare: None }
    }

    /// The price of another window, on the same kind of spot at the same tariff.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn of_window(&self, window: &Window) -> Result<Self, MoneyError> {
        let fare = self.fare.as_ref();
        let amount = fare.map_or(Ok(self.amount), |fare| fare.window_amount(window))?;
        Ok(Self { amount, ..self.clone() })
    }

    /// The price of another window on a spot of another type, at the same tariff.
    ///
    /// # Errors
    /// As [`Price::of`].
    pub fn of_type(
        &self,
        spot_type: SpotType,
        time_zone: &str,
        window: &Window,
    ) -> Result<Self, FareError> {
        let fare = self.fare.as_ref().map(|fare| fare.of_type(spot_type, time_zone)).transpose()?;
        Ok(Self { fare, ..self.clone() }.of_window(window)?)
    }

    /// What the time past the window costs, as a charge of its own.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn of_overstay(&self, end: Timestamp, leave: Timestamp) -> Result<Bill, MoneyError> {
        let nothing = Bill { amount: Money::zero(self.amount.currency), lines: Vec::new() };
        self.fare.as_ref().map_or(Ok(nothing), |fare| fare.overstay(end, leave))
    }

    /// How the price of the window that it was made for adds up.
    pub fn lines(&self, window: &Window) -> Vec<Line> {
        let Some(fare) = &self.fare else { return vec![Line::one("Ticket", self.amount)] };
        let bill = fare.window(window);
        // A government may have moved the clocks since then, or an operator corrected the lot's zone.
        let as_frozen = bill.and_then(|bill| bill.made_up_to(self.amount, "As it was quoted"));
        as_frozen.map_or_else(|_| vec![Line::one("Parking", self.amount)], |bill| bill.lines)
    }

    /// What a stay costs that was booked for this window, and how that adds up. Never more than was
    /// authorised.
    ///
    /// # Errors
    /// When it does not fit, which the limits of prices and windows rule out.
    pub fn of_stay(
        &self,
        booked: &Window,
        arrive: Timestamp,
        leave: Timestamp,
    ) -> Result<Bill, MoneyError> {
        let Some(fare) = &self.fare else {
            return Ok(Bill { amount: self.amount, lines: vec![Line::one("Ticket", self.amount)] });
        };
        let bill = fare.stay(booked, arrive, leave)?;
        match bill.amount.checked_cmp(self.amount)?.is_le() {
            true => Ok(bill),
            false => bill.made_up_to(self.amount, "Not charged: beyond the amount authorised"),
        }
    }

    /// What giving it back at `now` costs, once it is reserved.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn cancellation_fee(&self, start: Timestamp, now: Timestamp) -> Result<Money, MoneyError> {
        match &self.fare {
            Some(fare) => fare.cancellation_fee(self.amount, start, now),
            None => Ok(Money::zero(self.amount.currency)),
        }
    }

    /// What not coming costs; a ticket is paid for whether it is used or not.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn no_show_fee(&self) -> Result<Money, MoneyError> {
        self.fare.as_ref().map_or(Ok(self.amount), |fare| fare.no_show_fee(self.amount))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::tariff::Rules;

    fn window(minutes: i64) -> Window {
        let start = Timestamp::from_second(2_000_000_000).unwrap();
        Window::try_new(start, start + SignedDuration::from_mins(minutes)).unwrap()
    }

    fn price(hourly_minor: i64, window: &Window) -> Price {
        let (rules, currency) = (Arc::new(Rules::flat(hourly_minor)), "EUR".parse().unwrap());
        let fare = Fare::try_new(rules, SpotType::Regular, currency, "Europe/Berlin").unwrap();
        let hourly_rate = Money::new(hourly_minor, currency);
        let amount = fare.window_amount(window).unwrap();
        Price { tariff_version: 1, hourly_rate, amount, fare: Some(fare) }
    }

    #[test]
    fn what_was_quoted_stays_quoted_and_its_lines_add_up_to_it() {
        let window = window(90);
        let mut price = price(250, &window);
        assert_eq!(price.lines(&window).len(), 1);
        price.amount.minor = 470;
        let lines = price.lines(&window);
        assert_eq!(lines.iter().map(|line| line.amount.minor).sum::<i64>(), 470);
        assert_eq!(lines[1].description, "As it was quoted");
    }

    proptest! {
        #[test]
        fn a_stay_never_costs_more_than_was_authorised_and_its_lines_add_up(
            rate in 0..1_000_000_i64, booked in 1..43_000_i64, came in -120..120_i64,
            stayed in 0..60_000_i64,
        ) {
            let window = window(booked);
            let price = price(rate, &window);
            let arrive = window.start() + SignedDuration::from_mins(came);
            let leave = arrive + SignedDuration::from_mins(stayed);
            let bill = price.of_stay(&window, arrive, leave).unwrap();
            prop_assert!(bill.amount.minor <= price.amount.minor && bill.amount.minor >= 0);
            let sum = bill.lines.iter().map(|line| line.amount.minor).sum::<i64>();
            prop_assert_eq!(sum, bill.amount.minor);
        }
    }
}
