//! A disputed charge: the provider takes the money back from us while its owner and their bank argue.

use parkmesh_contracts::money::Money;

/// Where a dispute stands; a later one is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispute {
    /// The money is gone until it is won.
    Opened,
    /// The money is back.
    Won,
    /// The money is gone.
    Lost,
}

/// A disputed charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chargeback {
    /// The provider's id of it.
    pub chargeback_id: String,
    /// How much.
    pub amount: Money,
    /// The provider's word for why.
    pub reason: String,
    /// Where it stands.
    pub dispute: Dispute,
}

/// What a notice of a dispute changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Where it stands; no money moves.
    Standing,
    /// The money goes.
    Taken,
    /// It comes back.
    Returned,
}

/// What is to be noted when `told` comes and `known` was noted last; `None`: nothing. A notice may
/// come twice, or after a newer one.
pub fn change(known: Option<Dispute>, told: Dispute) -> Option<Change> {
    match (known, told) {
        (None, Dispute::Opened | Dispute::Lost) => Some(Change::Taken),
        // Its opening is still on its way, and will change nothing.
        (None, Dispute::Won) | (Some(Dispute::Opened), Dispute::Lost) => Some(Change::Standing),
        (Some(Dispute::Opened), Dispute::Won) => Some(Change::Returned),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_whatever_order_and_however_often_the_notices_come_the_money_ends_where_it_belongs() {
        use Dispute::{Lost, Opened, Won};
        for (end, gone) in [(Won, 0), (Lost, 1)] {
            for told in [
                vec![Opened, end],
                vec![end, Opened],
                vec![Opened, Opened, end, end],
                vec![end, Opened, end, Opened],
            ] {
                let (mut known, mut taken) = (None, 0);
                for notice in &told {
                    match change(known, *notice) {
                        Some(Change::Taken) => taken += 1,
                        Some(Change::Returned) => taken -= 1,
                        Some(Change::Standing) => {}
                        None => continue,
                    }
                    known = Some(*notice);
                }
                assert_eq!((known, taken), (Some(end), gone), "{told:?}");
            }
        }
    }
}
