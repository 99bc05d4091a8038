//! What is paid out to an operator for some days: a line for each lot, out of the ledger.

use jiff::Timestamp;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::money::Currency;

use super::days::Days;

/// What moved on the account of a lot, all of one kind and cause, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summed {
    /// The lot.
    pub lot_id: LotId,
    /// Name of the kind of movement.
    pub kind: String,
    /// Whether it was for time past a window.
    pub overstay: bool,
    /// Whether it was refused before: a debt.
    pub debt: bool,
    /// Before the first day; positive is earned.
    pub before: i64,
    /// In the days.
    pub within: i64,
    /// How many movements in the days.
    pub count: i64,
}

/// What was owed and refused for the first time in the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebtWritten {
    /// The lot.
    pub lot_id: LotId,
    /// In minor units.
    pub minor: i64,
}

/// What came to a lot's account in the days, in minor units. Everything but balances and the pay-out is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payout {
    /// What all time before came to.
    pub opening: i64,
    /// Captured for bookings and fees, at the first try.
    pub booking: i64,
    /// Captured for time past a window, at the first try.
    pub overstay: i64,
    /// Captured of debts.
    pub debt_paid: i64,
    /// Given back.
    pub refunded: i64,
    /// Taken back by cards' banks.
    pub chargeback: i64,
    /// Of that, what came back.
    pub chargeback_returned: i64,
    /// Kept by the provider.
    pub fee: i64,
    /// Refused for the first time, and owed since; no part of any sum.
    pub debt_written: i64,
    /// Captures.
    pub captures: i64,
    /// Refunds.
    pub refunds: i64,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Of all amounts.
    pub currency: Currency,
    /// The days.
    pub days: Days,
    /// Their first instant, and the one after their last.
    pub span: (Timestamp, Timestamp),
    /// It never changes any more.
    pub closed: bool,
    /// Each lot on whose account there is or was anything, with its address.
    pub lots: Vec<(LotId, String, Payout)>,
    /// All of them.
    pub total: Payout,
}

impl Payout {
    /// What is paid out for the days; less than nothing is taken off the next pay-out.
    pub const fn payout(&self) -> i64 {
        self.booking + self.overstay + self.debt_paid - self.refunded - self.chargeback
            + self.chargeback_returned
            - self.fee
    }

    /// What all time until their end came to.
    pub const fn closing(&self) -> i64 {
        self.opening + self.payout()
    }

    fn add(&mut self, summed: &Summed) {
        let minor = summed.within;
        self.opening += summed.before;
        match (summed.kind.as_str(), summed.debt, summed.overstay) {
            ("capture", true, _) => self.debt_paid += minor,
            ("capture", false, true) => self.overstay += minor,
            ("capture", false, false) => self.booking += minor,
            ("refund" | "refund_failed", ..) => self.refunded -= minor,
            ("fee", ..) => self.fee -= minor,
            ("chargeback_reversed", ..) => self.chargeback_returned += minor,
            _ => self.chargeback -= minor,
        }
        match summed.kind.as_str() {
            "capture" => self.captures += summed.count,
            "refund" => self.refunds += summed.count,
            _ => {}
        }
    }
}

/// The line of each lot, in their order, and of all together.
pub fn payouts(summed: &[Summed], written: &[DebtWritten]) -> (Vec<(LotId, Payout)>, Payout) {
    let mut total = Payout::default();
    let mut lots = std::collections::BTreeMap::<_, (LotId, Payout)>::new();
    let mut line_of = |lot_id: LotId, change: &dyn Fn(&mut Payout)| {
        change(&mut lots.entry(lot_id.as_uuid()).or_insert((lot_id, Payout::default())).1);
        change(&mut total);
    };
    for one in summed {
        line_of(one.lot_id, &|line| line.add(one));
    }
    for one in written {
        line_of(one.lot_id, &|line| line.debt_written += one.minor);
    }
    (lots.into_values().collect(), total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever moves is in the balances, to the cent, and lines add up to the total.
        #[test]
        fn balances_are_the_sums_of_all_that_moved(
            all in prop::collection::vec(
                (0..3_u128, 0..7_usize, any::<(bool, bool)>(), -9_000..9_000_i64, -9_000..9_000_i64), 0..30)
        ) {
            let kinds =
                ["capture", "refund", "fee", "chargeback", "chargeback_reversed", "refund_failed", "any other"];
            let summed: Vec<_> = all.into_iter().map(|(lot, kind, (overstay, debt), before, within)| Summed {
                lot_id: uuid::Uuid::from_u128(lot).into(),
                kind: kinds[kind].to_owned(),
                overstay,
                debt,
                before,
                within,
                count: 1,
            }).collect();
            let (lots, total) = payouts(&summed, &[]);
            prop_assert_eq!(total.opening, summed.iter().map(|one| one.before).sum::<i64>());
            prop_assert_eq!(total.payout(), summed.iter().map(|one| one.within).sum::<i64>());
            prop_assert_eq!(lots.iter().map(|(_, line)| line.closing()).sum::<i64>(), total.closing());
            for (lot_id, line) in &lots {
                let own = summed.iter().filter(|one| one.lot_id == *lot_id);
                prop_assert_eq!(line.closing(), own.map(|one| one.before + one.within).sum::<i64>());
            }
        }
    }
}
