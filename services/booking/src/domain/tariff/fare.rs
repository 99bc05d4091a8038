//! A tariff applied to one spot of one lot.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::money::{Currency, Money, MoneyError};
use parkmesh_contracts::tariff::{Charging, Tally};
use parkmesh_contracts::window::Window;

use super::bill::{Bill, Line, bill, step};
use super::{Billed, Early, Fee, Rules};

/// What spots of one type cost in one lot. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fare {
    rules: Arc<Rules>,
    spot_type: SpotType,
    currency: Currency,
    zone: TimeZone,
}

/// Why a price cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FareError {
    /// The zone of the lot is not in the database of zones, though it was when the lot was made.
    #[error("there is no time zone {0}")]
    Zone(String),
    /// It does not fit, which the limits of prices and windows rule out.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Fare {
    /// The rules for a spot of this type in a lot of this zone.
    ///
    /// # Errors
    /// [`FareError::Zone`].
    pub fn try_new(
        rules: Arc<Rules>,
        spot_type: SpotType,
        currency: Currency,
        time_zone: &str,
    ) -> Result<Self, FareError> {
        // A price without calendar is the same in every zone.
        let zone = match rules.needs_calendar(spot_type) {
            true => TimeZone::get(time_zone).map_err(|_| FareError::Zone(time_zone.to_owned()))?,
            false => TimeZone::UTC,
        };
        Ok(Self::in_zone(rules, spot_type, currency, zone))
    }

    /// The rules for a spot of this type, with the zone at hand.
    pub const fn in_zone(
        rules: Arc<Rules>,
        spot_type: SpotType,
        currency: Currency,
        zone: TimeZone,
    ) -> Self {
        Self { rules, spot_type, currency, zone }
    }

    /// The same rules for a spot of another type in the same lot.
    ///
    /// # Errors
    /// [`FareError::Zone`].
    pub fn of_type(&self, spot_type: SpotType, time_zone: &str) -> Result<Self, FareError> {
        Self::try_new(Arc::clone(&self.rules), spot_type, self.currency, time_zone)
    }

    /// What the type of spot is that it is for.
    pub const fn spot_type(&self) -> SpotType {
        self.spot_type
    }

    /// What a window costs that is booked: what is authorised.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn window(&self, window: &Window) -> Result<Bill, MoneyError> {
        self.bill(&self.charging().span(window.start(), window.end())?)
    }

    /// What [`Fare::window`] comes to, without its lines.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn window_amount(&self, window: &Window) -> Result<Money, MoneyError> {
        let tally = self.charging().span(window.start(), window.end())?;
        Ok(Money::new(tally.total, self.currency))
    }

    /// What a booking costs whose car was there; without overstay, and whatever was authorised.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn stay(
        &self,
        booked: &Window,
        arrive: Timestamp,
        leave: Timestamp,
    ) -> Result<Bill, MoneyError> {
        let (charging, start) = (self.charging(), booked.start());
        let from = match self.rules.early_arrival {
            Early::Billed => arrive,
            Early::Free => arrive.max(start),
        };
        let stay = || charging.span(from, leave.min(booked.end()));
        let window = || charging.span(from.min(start), booked.end());
        let (tally, is_window) = match self.rules.billed {
            Billed::Stay => (stay()?, false),
            Billed::Window => (window()?, true),
            Billed::Larger => {
                let (stay, window) = (stay()?, window()?);
                if window.total > stay.total { (window, true) } else { (stay, false) }
            }
        };
        let mut bill = self.bill(&tally)?;
        if is_window {
            let nothing = Money::zero(self.currency);
            bill.lines.insert(0, Line::one("The booked window is charged", nothing));
        }
        Ok(bill)
    }

    /// What the time costs that a car stayed past the end of its window. A charge of its own.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn overstay(&self, window_end: Timestamp, leave: Timestamp) -> Result<Bill, MoneyError> {
        if leave <= window_end {
            return Ok(Bill { amount: Money::zero(self.currency), lines: Vec::new() });
        }
        let Some(step_minor) = self.rules.overstay_minor else {
            return self.bill(&self.charging().steps(window_end, leave)?);
        };
        let plain = Rules { step_minutes: self.rules.step_minutes, ..Rules::flat(step_minor) };
        let plain_charging = Charging { rules: &plain, ..self.charging() };
        let quantity = plain_charging.steps(window_end, leave)?.steps.iter().sum();
        let unit_amount = Money::new(step_minor, self.currency);
        let amount = unit_amount.checked_mul(quantity)?;
        let description = format!("Past the booked window, {}", step(self.rules.step_minutes));
        let line = Line { description, quantity, unit_amount, amount };
        Ok(Bill { amount, lines: vec![line] })
    }

    /// What giving a reservation back at `now` costs its driver.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn cancellation_fee(
        &self,
        authorized: Money,
        start: Timestamp,
        now: Timestamp,
    ) -> Result<Money, MoneyError> {
        let Some(terms) = self.rules.cancellation else { return Ok(Money::zero(self.currency)) };
        let notice = SignedDuration::from_mins(terms.free_until_minutes);
        match start.duration_since(now) > notice {
            true => Ok(Money::zero(self.currency)),
            false => fee(terms.fee, authorized),
        }
    }

    /// What a driver pays who does not come.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn no_show_fee(&self, authorized: Money) -> Result<Money, MoneyError> {
        let nothing = Money::zero(self.currency);
        self.rules.no_show.map_or(Ok(nothing), |no_show| fee(no_show, authorized))
    }

    fn charging(&self) -> Charging<'_> {
        Charging { rules: &self.rules, zone: &self.zone, spot_type: self.spot_type }
    }

    fn bill(&self, tally: &Tally) -> Result<Bill, MoneyError> {
        bill(&self.rules, self.spot_type, self.currency, tally)
    }
}

/// Percentages are rounded to the nearest minor unit, halves up.
fn fee(fee: Fee, authorized: Money) -> Result<Money, MoneyError> {
    let asked = match fee {
        Fee::Minor(minor) => Money::new(minor, authorized.currency),
        Fee::Percent(percent) => authorized.checked_mul_ratio(percent, 100)?,
    };
    Ok(Money::new(asked.minor.min(authorized.minor), authorized.currency))
}
