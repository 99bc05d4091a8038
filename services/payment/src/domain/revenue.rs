//! What a lot earned.

use jiff::civil::Date;
use parkmesh_contracts::money::{Currency, Money};

/// What moved on an operator's account on one day, all of one kind and cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The day, where the report is.
    pub date: Date,
    /// Name of the kind of movement.
    pub kind: String,
    /// Whether it was for time past a window.
    pub overstay: bool,
    /// In all; positive is earned.
    pub amount: Money,
    /// How many movements.
    pub count: i64,
}

/// What a lot earned on a day, or on all days, in minor units. Everything but the pay-out is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revenue {
    /// Captured for bookings and fees.
    pub booking: i64,
    /// Captured for time past a window.
    pub overstay: i64,
    /// Given back.
    pub refunded: i64,
    /// Kept by the provider.
    pub fee: i64,
    /// Taken back by cards' banks, less what came back.
    pub disputed: i64,
    /// Captures.
    pub captures: i64,
    /// Refunds.
    pub refunds: i64,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of all amounts.
    pub currency: Currency,
    /// Each day on which money moved, in order.
    pub days: Vec<(Date, Revenue)>,
    /// All of it.
    pub total: Revenue,
}

impl Revenue {
    /// What is paid out for it.
    pub const fn payout(&self) -> i64 {
        self.booking + self.overstay - self.refunded - self.fee - self.disputed
    }

    fn add(&mut self, moved: &Moved) {
        let minor = moved.amount.minor;
        match (moved.kind.as_str(), moved.overstay) {
            ("capture", false) => self.booking += minor,
            ("capture", true) => self.overstay += minor,
            ("refund" | "refund_failed", _) => self.refunded -= minor,
            ("fee", _) => self.fee -= minor,
            _ => self.disputed -= minor,
        }
        match moved.kind.as_str() {
            "capture" => self.captures += moved.count,
            "refund" => self.refunds += moved.count,
            _ => {}
        }
    }
}

/// The report of what moved, in the order of days. `None`: nothing did.
///
/// # Errors
/// When there are two currencies: the first other one.
pub fn report(moved: &[Moved]) -> Result<Option<Report>, Currency> {
    let Some(first) = moved.first() else { return Ok(None) };
    let currency = first.amount.currency;
    let mut report = Report { currency, days: Vec::new(), total: Revenue::default() };
    for one in moved {
        if one.amount.currency != currency {
            return Err(one.amount.currency);
        }
        if report.days.last().is_none_or(|(date, _)| *date != one.date) {
            report.days.push((one.date, Revenue::default()));
        }
        if let Some((_, day)) = report.days.last_mut() {
            day.add(one);
        }
        report.total.add(one);
    }
    Ok(Some(report))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn moved(day: i8, kind: &str, minor: i64) -> Moved {
        let date = Date::new(2026, 11, day).unwrap();
        let amount = Money::new(minor, Currency::parse("EUR").unwrap());
        Moved { date, kind: kind.to_owned(), overstay: false, amount, count: 1 }
    }

    #[test]
    fn days_add_up_to_the_total_and_what_is_paid_out_is_what_is_left() {
        let all = [moved(1, "capture", 900), moved(1, "refund", -300), moved(2, "fee", -27)];
        let report = report(&all).unwrap().unwrap();
        let payouts: Vec<_> = report.days.iter().map(|(_, day)| day.payout()).collect();
        assert_eq!((payouts, report.total.payout()), (vec![600, -27], 573));
        assert_eq!((report.total.captures, report.total.refunds), (1, 1));
    }

    #[test]
    fn two_currencies_are_no_report() {
        let mut other = moved(2, "capture", 5);
        other.amount.currency = Currency::parse("CHF").unwrap();
        assert_eq!(report(&[moved(1, "capture", 5), other.clone()]), Err(other.amount.currency));
        assert_eq!(report(&[]), Ok(None));
    }

    proptest! {
        /// Whatever moves is in the pay-out, to the cent.
        #[test]
        fn the_payout_is_the_sum_of_all_that_moved(
            all in prop::collection::vec((1..9_i8, 0..6_usize, -9_000..9_000_i64), 1..20)
        ) {
            let kinds = ["capture", "refund", "fee", "chargeback", "refund_failed", "any other"];
            let mut all: Vec<_> =
                all.into_iter().map(|(day, kind, minor)| moved(day, kinds[kind], minor)).collect();
            all.sort_by_key(|one| one.date);
            let sum: i64 = all.iter().map(|one| one.amount.minor).sum();
            let report = report(&all).unwrap().unwrap();
            prop_assert_eq!(report.total.payout(), sum);
            prop_assert_eq!(report.days.iter().map(|(_, day)| day.payout()).sum::<i64>(), sum);
        }
    }
}
