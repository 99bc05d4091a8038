//! What a booking costs: the tariff that was frozen into it, and what was authorised.

use jiff::Timestamp;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::{Money, MoneyError};
use parkmesh_contracts::window::Window;

use crate::domain::discount::{Reduction, Reductions, Source};
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
    /// What is taken off it; None where nothing is, and what it costs is what is authorised.
    pub reductions: Option<Reductions>,
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
            reductions: None,
        })
    }

    /// The price of a ticket.
    pub const fn of_ticket(price: Money) -> Self {
        let hourly_rate = Money::zero(price.currency);
        Self { tariff_version: NO_TARIFF, hourly_rate, amount: price, fare: None, reductions: None }
    }

    /// The price of another window, on the same kind of spot at the same tariff.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn of_window(&self, window: &Window) -> Result<Self, MoneyError> {
        let Some(fare) = &self.fare else { return Ok(self.clone()) };
        self.of_full(fare.window_amount(window)?)
    }

    /// The price that is this before anything is taken off.
    fn of_full(&self, full: Money) -> Result<Self, MoneyError> {
        let Some(reductions) = &self.reductions else {
            return Ok(Self { amount: full, ..self.clone() });
        };
        let reductions = Reductions { full, ..reductions.clone() };
        let amount = reductions.left_of(full)?;
        Ok(Self { amount, reductions: Some(reductions), ..self.clone() })
    }

    /// What the window costs before anything is taken off: what fees go by.
    pub fn full(&self) -> Money {
        self.reductions.as_ref().map_or(self.amount, |reductions| reductions.full)
    }

    /// What is to be paid for the window: less than what is authorised, where a merchant has taken
    /// something over since.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn payable(&self) -> Result<Money, MoneyError> {
        let reductions = self.reductions.as_ref();
        reductions.map_or(Ok(self.amount), |reductions| reductions.left_of(reductions.full))
    }

    /// The price with one more reduction. What a promo code takes off is never authorised; what a
    /// merchant takes over is, and is not taken.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn reduced(&self, reduction: Reduction) -> Result<Self, MoneyError> {
        let source = reduction.source;
        let (full, mut each) = match &self.reductions {
            Some(reductions) => (reductions.full, reductions.each.clone()),
            None => (self.amount, Vec::new()),
        };
        each.push(reduction);
        let reductions = Reductions { full, each };
        let amount = match source {
            Source::PromoCode => reductions.left_of(full)?,
            Source::Merchant => self.amount,
        };
        Ok(Self { amount, reductions: Some(reductions), ..self.clone() })
    }

    /// The price, of which no less is authorised than of another that stood before it, and by which fees
    /// are no less.
    ///
    /// # Errors
    /// Currencies that differ.
    pub fn no_less_than(self, before: &Self) -> Result<Self, MoneyError> {
        let most = |one: Money, other: Money| {
            Ok(if one.checked_cmp(other)?.is_lt() { other } else { one })
        };
        let (amount, full) = (most(self.amount, before.amount)?, most(self.full(), before.full())?);
        let reductions = self.reductions.map(|reductions| Reductions { full, ..reductions });
        Ok(Self { amount, reductions, ..self })
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
        let one = |what| Bill { amount: self.full(), lines: vec![Line::one(what, self.full())] };
        let bill = match &self.fare {
            None => one("Ticket"),
            // A government may have moved the clocks since then, or an operator corrected the lot's zone.
            Some(fare) => fare
                .window(window)
                .and_then(|bill| bill.made_up_to(self.full(), "As it was quoted"))
                .unwrap_or_else(|_| one("Parking")),
        };
        self.reduce(bill.clone()).map_or(bill.lines, |bill| bill.lines)
    }

    /// The bill, less what is taken off.
    fn reduce(&self, bill: Bill) -> Result<Bill, MoneyError> {
        match &self.reductions {
            Some(reductions) => reductions.reduce(bill),
            None => Ok(bill),
        }
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
        self.reduce(self.full_stay(booked, arrive, leave)?)
    }

    /// What a stay costs before anything is taken off; never more than its window does.
    fn full_stay(
        &self,
        booked: &Window,
        arrive: Timestamp,
        leave: Timestamp,
    ) -> Result<Bill, MoneyError> {
        let full = self.full();
        let Some(fare) = &self.fare else {
            return Ok(Bill { amount: full, lines: vec![Line::one("Ticket", full)] });
        };
        let bill = fare.stay(booked, arrive, leave)?;
        match bill.amount.checked_cmp(full)?.is_le() {
            true => Ok(bill),
            false => bill.made_up_to(full, "Not charged: beyond the amount authorised"),
        }
    }

    /// The price of a stay that has ended, with what was taken off it.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn after_stay(
        &self,
        booked: &Window,
        arrive: Timestamp,
        leave: Timestamp,
    ) -> Result<Self, MoneyError> {
        let Some(reductions) = &self.reductions else { return Ok(self.clone()) };
        let due = self.full_stay(booked, arrive, leave)?.amount;
        Ok(Self { reductions: Some(reductions.settled(due)?), ..self.clone() })
    }

    /// What giving it back at `now` costs, once it is reserved. Nothing is taken off it, but it is
    /// never more than was authorised.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn cancellation_fee(&self, start: Timestamp, now: Timestamp) -> Result<Money, MoneyError> {
        match &self.fare {
            Some(fare) => self.authorized(fare.cancellation_fee(self.full(), start, now)?),
            None => Ok(Money::zero(self.amount.currency)),
        }
    }

    /// What not coming costs, as [`Price::cancellation_fee`]; a ticket is paid for whether it is used or
    /// not.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn no_show_fee(&self) -> Result<Money, MoneyError> {
        match &self.fare {
            Some(fare) => self.authorized(fare.no_show_fee(self.full())?),
            None => self.payable(),
        }
    }

    /// The price when nobody came: of a ticket with what was taken off it.
    ///
    /// # Errors
    /// As [`Price::of_stay`].
    pub fn after_no_show(&self) -> Result<Self, MoneyError> {
        let reductions = match (&self.fare, &self.reductions) {
            (None, Some(reductions)) => Some(reductions.settled(reductions.full)?),
            (_, reductions) => reductions.clone(),
        };
        Ok(Self { reductions, ..self.clone() })
    }

    fn authorized(&self, fee: Money) -> Result<Money, MoneyError> {
        Ok(if fee.checked_cmp(self.amount)?.is_gt() { self.amount } else { fee })
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
        Price { tariff_version: 1, hourly_rate, amount, fare: Some(fare), reductions: None }
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
