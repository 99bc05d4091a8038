//! Discounts: what reduces prices at a lot, and what one of them takes off one price.
//!
//! A **discount** is the operator's: a promo code, or a merchant who validates parking. What it takes off
//! one booking is a **reduction**, frozen into the booking as the tariff is: whatever makes a new price
//! of it (another window, another spot, an early departure) applies them again, in the order in which
//! they came, each to what those before it have left. A share is rounded to the nearest minor unit,
//! halves up; an amount is never more than what is left; so a price is never below zero, and never falls
//! because the price before rises.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parkmesh_contracts::ids::{DiscountId, LotId};
use parkmesh_contracts::money::{Money, MoneyError};

use crate::domain::tariff::{Bill, Line};

/// Parts of a whole.
const BASIS_POINTS: i64 = 10_000;
/// Letters of a promo code.
const CODE_LENGTHS: std::ops::RangeInclusive<usize> = 3..=32;

/// Whose a discount is, and its limits; 0 for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A code of the lot, in capitals.
    PromoCode {
        /// What drivers type.
        code: String,
        /// Bookings in all.
        most_uses: i32,
        /// Bookings of one driver.
        most_uses_per_driver: i32,
    },
    /// A merchant.
    Merchant {
        /// As drivers read it.
        name: String,
        /// Bookings on one date of the lot.
        most_uses_per_day: i32,
    },
}

/// Who takes something off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The lot, for a code.
    PromoCode,
    /// A merchant.
    Merchant,
}

/// How much is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// A share, in basis points.
    Share(i32),
    /// An amount.
    Amount(Money),
}

/// What reduces prices at a lot. Never changed, but for its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// Its id.
    pub discount_id: DiscountId,
    /// The lot.
    pub lot_id: LotId,
    /// Whose it is.
    pub kind: Kind,
    /// What it takes off.
    pub off: Off,
    /// From when on it may be used.
    pub valid_from: Timestamp,
    /// Until when, exclusive.
    pub valid_until: Option<Timestamp>,
    /// When it was ended.
    pub end_time: Option<Timestamp>,
    /// When it was made.
    pub create_time: Timestamp,
}

impl Discount {
    /// Whether it may be used at that moment.
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.end_time.is_none()
            && self.valid_from <= at
            && self.valid_until.is_none_or(|until| at < until)
    }

    /// Who takes it off.
    pub const fn source(&self) -> Source {
        match self.kind {
            Kind::PromoCode { .. } => Source::PromoCode,
            Kind::Merchant { .. } => Source::Merchant,
        }
    }

    /// The code, or the merchant.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::PromoCode { code, .. } => code,
            Kind::Merchant { name, .. } => name,
        }
    }

    /// What it takes off one booking.
    pub fn reduction(&self) -> Reduction {
        Reduction {
            discount_id: self.discount_id,
            source: self.source(),
            name: self.name().to_owned(),
            off: self.off,
            taken: None,
        }
    }
}

/// The code as it is kept, from what a person typed; None for what is no code.
pub fn promo_code(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    (CODE_LENGTHS.contains(&code.len()) && code.chars().all(known)).then_some(code)
}

/// When the day of the lot began in which `now` is.
///
/// # Errors
/// When the zone is not in the database of zones, though it was when the lot was made.
pub fn day_start(time_zone: &str, now: Timestamp) -> Result<Timestamp, jiff::Error> {
    let zone = TimeZone::get(time_zone)?;
    let date: Date = now.to_zoned(zone.clone()).date();
    Ok(date.to_zoned(zone)?.timestamp())
}

/// What a discount takes off one booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduction {
    /// The discount.
    pub discount_id: DiscountId,
    /// Who takes it off.
    pub source: Source,
    /// The code, or the merchant.
    pub name: String,
    /// How much.
    pub off: Off,
    /// What that came to when the booking ended.
    pub taken: Option<Money>,
}

impl Reduction {
    /// What it takes off a price.
    fn of(&self, price: Money) -> Result<Money, MoneyError> {
        match self.off {
            Off::Share(points) => price.checked_mul_ratio(points.into(), BASIS_POINTS),
            Off::Amount(amount) => {
                Ok(if amount.checked_cmp(price)?.is_le() { amount } else { price })
            }
        }
    }

    /// How a bill says it.
    fn sentence(&self) -> String {
        match self.source {
            Source::PromoCode => format!("Promo code {}", self.name),
            Source::Merchant => format!("Parking validated by {}", self.name),
        }
    }
}

/// All that is taken off a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reductions {
    /// The price of which they are taken off.
    pub full: Money,
    /// In the order in which they came; at least one.
    pub each: Vec<Reduction>,
}

impl Reductions {
    /// What each takes off a price.
    ///
    /// # Errors
    /// Currencies that differ, which is seen to when a discount is made.
    pub fn of(&self, price: Money) -> Result<Vec<Money>, MoneyError> {
        let mut left = price;
        let mut each = Vec::with_capacity(self.each.len());
        for reduction in &self.each {
            let off = reduction.of(left)?;
            left = left.checked_sub(off)?;
            each.push(off);
        }
        Ok(each)
    }

    /// What they leave of a price.
    ///
    /// # Errors
    /// As [`Reductions::of`].
    pub fn left_of(&self, price: Money) -> Result<Money, MoneyError> {
        self.of(price)?.into_iter().try_fold(price, Money::checked_sub)
    }

    /// A bill with a line for each, and what they leave.
    ///
    /// # Errors
    /// As [`Reductions::of`].
    pub fn reduce(&self, bill: Bill) -> Result<Bill, MoneyError> {
        let Bill { mut amount, mut lines } = bill;
        for (reduction, off) in self.each.iter().zip(self.of(amount)?) {
            amount = amount.checked_sub(off)?;
            lines.push(Line::one(reduction.sentence(), Money::new(-off.minor, off.currency)));
        }
        Ok(Bill { amount, lines })
    }

    /// The same, with what each has taken off the price that became due.
    ///
    /// # Errors
    /// As [`Reductions::of`].
    pub fn settled(&self, price: Money) -> Result<Self, MoneyError> {
        let each = self.each.iter().zip(self.of(price)?);
        let each = each.map(|(one, off)| Reduction { taken: Some(off), ..one.clone() }).collect();
        Ok(Self { full: self.full, each })
    }
}

#[cfg(test)]
#[path = "discount_tests.rs"]
pub(super) mod tests;
