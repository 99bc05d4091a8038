//! Money: whole minor units (cents, yen, fils) of one currency. No floats, no silent rounding, no silent overflow.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::google::r#type as proto;

mod currency;

pub use currency::Currency;

/// An amount. Negative is a debt of ours, for example a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units of the currency: cents of EUR, yen of JPY, fils of KWD.
    pub minor: i64,
    /// Its currency.
    pub currency: Currency,
}

/// Why money cannot be what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not the code of a currency that we know the minor unit of.
    #[error("{0:?} is not a known ISO 4217 currency code")]
    UnknownCurrency(String),
    /// Two currencies in one sum.
    #[error("cannot reckon {left} with {right}")]
    CurrencyMismatch {
        /// Of the first amount.
        left: Currency,
        /// Of the second amount.
        right: Currency,
    },
    /// The result does not fit 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
    /// Nanos outside ±999,999,999.
    #[error("nanos must be between -999999999 and 999999999, not {0}")]
    Nanos(i32),
    /// Units and nanos of opposite signs.
    #[error("units ({units}) and nanos ({nanos}) must have the same sign")]
    Sign {
        /// As given.
        units: i64,
        /// As given.
        nanos: i32,
    },
    /// A fraction of a minor unit.
    #[error("{currency} has {} decimals; {nanos} nanos are finer", currency.exponent())]
    TooFine {
        /// Of the amount.
        currency: Currency,
        /// As given.
        nanos: i32,
    },
    /// A share by nothing.
    #[error("cannot divide money by zero")]
    DivisionByZero,
}

/// Digits after the point that `google.type.Money` keeps.
const NANO_DIGITS: u32 = 9;
/// Nanos in a unit.
const NANOS_PER_UNIT: i32 = 1_000_000_000;

impl Money {
    /// `minor` minor units: `Money::new(1250, EUR)` is 12.50 EUR.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// # Errors
    /// Currencies that differ, or overflow.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    /// # Errors
    /// Currencies that differ, or overflow.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    /// # Errors
    /// Overflow.
    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_mul(times))
    }

    /// `self × numerator / denominator` under the one rounding rule of Parkmesh: to the nearest minor unit, halves away from
    /// zero. Nothing else rounds money.
    ///
    /// # Errors
    /// A denominator of zero, or overflow.
    pub fn checked_mul_ratio(self, numerator: i64, denominator: i64) -> Result<Self, MoneyError> {
        if denominator == 0 {
            return Err(MoneyError::DivisionByZero);
        }
        // 64 × 64 bits fit 127, and adding half of a 64-bit denominator cannot overflow that.
        let product = i128::from(self.minor) * i128::from(numerator);
        let (product, denominator) = match i128::from(denominator) {
            negative if negative < 0 => (-product, -negative),
            positive => (product, positive),
        };
        let half = if product < 0 { -(denominator / 2) } else { denominator / 2 };
        self.with(i64::try_from((product + half) / denominator).ok())
    }

    /// Orders two amounts of one currency.
    ///
    /// # Errors
    /// Currencies that differ.
    pub fn checked_cmp(self, other: Self) -> Result<std::cmp::Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        let (left, right) = (self.currency, other.currency);
        if left == right { Ok(()) } else { Err(MoneyError::CurrencyMismatch { left, right }) }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor.map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

impl fmt::Display for Money {
    /// `12.50 EUR`, `-0.05 EUR`, `500 JPY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        let digits = self.currency.exponent();
        let scale = 10_u64.pow(digits);
        let (units, rest) = (minor / scale, minor % scale);
        if digits == 0 {
            write!(f, "{sign}{units} {}", self.currency)
        } else {
            let width = digits as usize;
            write!(f, "{sign}{units}.{rest:0width$} {}", self.currency)
        }
    }
}

impl From<Money> for proto::Money {
    fn from(money: Money) -> Self {
        let digits = money.currency.exponent();
        let scale = 10_i64.pow(digits);
        // Both parts of a truncating division carry the sign of the whole, which is what the message asks for.
        let nanos = (money.minor % scale) * 10_i64.pow(NANO_DIGITS - digits);
        Self {
            currency_code: money.currency.as_str().to_owned(),
            units: money.minor / scale,
            nanos: i32::try_from(nanos).expect("less than one unit in nanos fits 32 bits"),
        }
    }
}

impl TryFrom<&proto::Money> for Money {
    type Error = MoneyError;

    fn try_from(money: &proto::Money) -> Result<Self, MoneyError> {
        let currency: Currency = money.currency_code.parse()?;
        let (units, nanos) = (money.units, money.nanos);
        if nanos.unsigned_abs() >= NANOS_PER_UNIT.unsigned_abs() {
            return Err(MoneyError::Nanos(nanos));
        }
        if (units > 0 && nanos < 0) || (units < 0 && nanos > 0) {
            return Err(MoneyError::Sign { units, nanos });
        }
        let nanos_per_minor = 10_i32.pow(NANO_DIGITS - currency.exponent());
        if nanos % nanos_per_minor != 0 {
            return Err(MoneyError::TooFine { currency, nanos });
        }
        let minor = units
            .checked_mul(10_i64.pow(currency.exponent()))
            .and_then(|minor| minor.checked_add(i64::from(nanos / nanos_per_minor)))
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }
}
