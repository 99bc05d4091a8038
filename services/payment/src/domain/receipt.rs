//! What a receipt says, and where it gets it from.

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, LotId, PaymentId, UserId};
use parkmesh_contracts::money::Money;
use serde::{Deserialize, Serialize};

use super::payment::{Kind, Payment};

/// What booking's facts have told about a stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Name of the lot.
    pub lot_name: String,
    /// What is painted on the spot.
    pub spot_number: String,
    /// IANA zone of the lot.
    pub time_zone: String,
    /// When the car came, or the window began.
    pub start: Option<Timestamp>,
    /// When the car left, or the window ended.
    pub end: Option<Timestamp>,
    /// Whether `start` is the time at which the car came.
    #[serde(default)]
    pub arrived: bool,
}

impl Stay {
    /// This, told after what was known: the time at which the car came is not told again.
    #[must_use]
    pub fn after(self, known: Option<&Self>) -> Self {
        match known {
            Some(known) if known.arrived && !self.arrived => {
                Self { start: known.start, arrived: true, ..self }
            }
            _ => self,
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What is charged, for people.
    pub description: String,
    /// How many units.
    pub quantity: i64,
    /// Price of one unit.
    pub unit: Money,
    /// Quantity times unit.
    pub amount: Money,
}

/// What booking's fact has told about the time past a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overstay {
    /// What it costs.
    pub amount: Money,
    /// From the end of the window to the departure.
    pub stay: Stay,
    /// They add up to `amount`.
    pub lines: Vec<Line>,
}

/// What a driver paid for a stay, or for the time past its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Ascending in a lot, from 1.
    pub number: i64,
    /// The payment; of several the first.
    pub payment_id: PaymentId,
    /// Whether it is for the time past the window.
    pub overstay: bool,
    /// The booking.
    pub booking_id: BookingId,
    /// The lot.
    pub lot_id: LotId,
    /// Whose.
    pub user_id: UserId,
    /// The stay.
    pub stay: Stay,
    /// They add up to `total`.
    pub lines: Vec<Line>,
    /// What was captured.
    pub total: Money,
    /// When.
    pub issue_time: Timestamp,
    /// Who sells.
    pub seller: Seller,
}

/// What a receipt says of its lot beside its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seller {
    /// Street address; empty where it is not known.
    pub address: String,
    /// Tax that prices include, in hundredths of a percent; 0: none is told.
    pub vat_basis_points: i32,
}

/// Digits that a receipt number is filled up to, so that numbers also sort as text.
const NUMBER_DIGITS: usize = 8;

/// The number as people read it.
pub fn number_text(number: i64) -> String {
    format!("{number:0NUMBER_DIGITS$}")
}

impl Line {
    /// A single item.
    pub fn one(description: &str, amount: Money) -> Self {
        Self { description: description.to_owned(), quantity: 1, unit: amount, amount }
    }
}

impl Receipt {
    /// The tax in the total, rounded to the nearest minor unit; none where none is told.
    pub fn vat(&self) -> Option<Money> {
        let points = i64::from(self.seller.vat_basis_points);
        let vat = (points > 0).then(|| self.total.checked_mul_ratio(points, 10_000 + points));
        vat.and_then(Result::ok)
    }

    /// The total without the tax; none where none is told.
    pub fn net(&self) -> Option<Money> {
        let vat = self.vat()?;
        Some(Money::new(self.total.minor - vat.minor, self.total.currency))
    }

    /// The receipt of a captured payment. Lines that do not add up to what was taken give way to a
    /// single one that does.
    pub fn of(
        payment: &Payment,
        total: Money,
        number: i64,
        stay: Stay,
        lines: &[Line],
        seller: Seller,
        now: Timestamp,
    ) -> Self {
        let sum = lines
            .iter()
            .try_fold(Money::zero(total.currency), |sum, line| sum.checked_add(line.amount));
        let lines = match sum {
            Ok(sum) if sum == total => lines.to_vec(),
            _ => vec![Line::one("Parking", total)],
        };
        Self {
            number,
            payment_id: payment.payment_id,
            overstay: payment.kind == Kind::Overstay,
            booking_id: payment.booking_id,
            lot_id: payment.lot_id,
            user_id: payment.user_id.clone(),
            stay,
            lines,
            total,
            issue_time: now,
            seller,
        }
    }
}
