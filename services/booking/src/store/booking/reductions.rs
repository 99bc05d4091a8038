//! What is taken off a booking's price, as its row keeps it.

use parkmesh_contracts::ids::DiscountId;
use parkmesh_contracts::money::{Currency, Money};
use serde::{Deserialize, Serialize};

use crate::domain::discount::{Off, Reduction, Reductions, Source};

/// The column.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Column {
    full_minor: i64,
    each: Vec<One>,
}

#[derive(Debug, Serialize, Deserialize)]
struct One {
    discount_id: DiscountId,
    /// Else a promo code.
    merchant: bool,
    name: String,
    off: OffMinor,
    taken_minor: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OffMinor {
    BasisPoints(i32),
    AmountMinor(i64),
}

impl From<&Reductions> for Column {
    fn from(reductions: &Reductions) -> Self {
        let one = |reduction: &Reduction| One {
            discount_id: reduction.discount_id,
            merchant: reduction.source == Source::Merchant,
            name: reduction.name.clone(),
            off: match reduction.off {
                Off::Share(points) => OffMinor::BasisPoints(points),
                Off::Amount(amount) => OffMinor::AmountMinor(amount.minor),
            },
            taken_minor: reduction.taken.map(|taken| taken.minor),
        };
        Self { full_minor: reductions.full.minor, each: reductions.each.iter().map(one).collect() }
    }
}

impl Column {
    /// In the currency of the booking.
    pub(super) fn reductions(self, currency: Currency) -> Reductions {
        let money = |minor| Money::new(minor, currency);
        let one = |one: One| Reduction {
            discount_id: one.discount_id,
            source: if one.merchant { Source::Merchant } else { Source::PromoCode },
            name: one.name,
            off: match one.off {
                OffMinor::BasisPoints(points) => Off::Share(points),
                OffMinor::AmountMinor(minor) => Off::Amount(money(minor)),
            },
            taken: one.taken_minor.map(money),
        };
        Reductions { full: money(self.full_minor), each: self.each.into_iter().map(one).collect() }
    }
}
