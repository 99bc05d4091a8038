//! What messages may be about: the one table of kinds.

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The booking is reserved.
    Reserved,
    /// The car has arrived.
    Arrived,
    /// The stay is over.
    Completed,
    /// The money is taken.
    Receipt,
    /// The booking was given back.
    Cancelled,
    /// The hold ran out.
    Expired,
    /// No car came.
    NoShow,
    /// The card was refused.
    PaymentDeclined,
    /// A place that the driver waited for is kept.
    WaitlistOffered,
    /// The booking ends later.
    Extended,
    /// The booking is somewhere else, or at another time.
    Moved,
    /// The booking had to get another spot.
    Relocated,
    /// The car stayed past its window.
    Overstayed,
    /// Whose car is it?
    ClaimAsked,
    /// The hold ends in minutes.
    HoldExpiring,
    /// The booking begins soon.
    StartingSoon,
    /// The booking ends soon.
    EndingSoon,
    /// Money is given back.
    Refunded,
    /// To operators: a sensor is silent.
    SensorSilent,
    /// To operators: ground and bookings differ.
    Discrepancy,
    /// To operators: a payment comes to no end.
    PaymentStuck,
}

/// What is to know of a kind.
pub struct Row {
    /// Which.
    pub kind: Kind,
    /// The word in the database and in webhooks.
    pub word: &'static str,
    /// The number in the contract.
    pub number: i32,
    /// It is worth nothing after quiet hours, and is sent within them.
    pub hasty: bool,
    /// Whether mail is sent of it to somebody who has an address and said nothing else.
    pub mailed: bool,
    /// What its link ends in: the page of the booking on which one acts. Empty: there is nothing to do.
    pub page: &'static str,
}

const fn row(kind: Kind, word: &'static str, number: i32) -> Row {
    Row { kind, word, number, hasty: false, mailed: true, page: "" }
}

const fn hasty(row: Row, page: &'static str) -> Row {
    Row { hasty: true, page, ..row }
}

const fn not_mailed(row: Row) -> Row {
    Row { mailed: false, ..row }
}

/// Every kind, in the order of [`Kind`].
pub const KINDS: [Row; 21] = [
    row(Kind::Reserved, "reserved", 1),
    row(Kind::Arrived, "arrived", 2),
    row(Kind::Completed, "completed", 3),
    row(Kind::Receipt, "receipt", 4),
    row(Kind::Cancelled, "cancelled", 5),
    row(Kind::Expired, "expired", 6),
    row(Kind::NoShow, "no_show", 7),
    hasty(row(Kind::PaymentDeclined, "payment_declined", 8), "pay"),
    hasty(row(Kind::WaitlistOffered, "waitlist_offered", 20), "confirm"),
    row(Kind::Extended, "extended", 9),
    row(Kind::Moved, "moved", 10),
    hasty(row(Kind::Relocated, "relocated", 11), ""),
    row(Kind::Overstayed, "overstayed", 12),
    hasty(row(Kind::ClaimAsked, "claim_asked", 13), "claim"),
    hasty(row(Kind::HoldExpiring, "hold_expiring", 14), "confirm"),
    hasty(row(Kind::StartingSoon, "starting_soon", 15), ""),
    hasty(row(Kind::EndingSoon, "ending_soon", 16), "extend"),
    row(Kind::Refunded, "refunded", 17),
    // One of a hundred sensors is silent at any time: that is no mail each.
    not_mailed(row(Kind::SensorSilent, "sensor_silent", 30)),
    row(Kind::Discrepancy, "discrepancy", 31),
    hasty(row(Kind::PaymentStuck, "payment_stuck", 32), ""),
];

impl Kind {
    /// Its row.
    pub fn row(self) -> &'static Row {
        &KINDS[self as usize]
    }

    /// The word in the database.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// The kind of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        KINDS.iter().find(|row| row.word == word).map(|row| row.kind)
    }

    /// The kind of this number in the contract.
    pub fn of_number(number: i32) -> Option<Self> {
        KINDS.iter().find(|row| row.number == number).map(|row| row.kind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_one_row_at_its_own_place() {
        for (at, row) in KINDS.iter().enumerate() {
            assert_eq!(row.kind as usize, at, "{}", row.word);
            assert_eq!(Kind::of_word(row.word), Some(row.kind));
            assert_eq!(Kind::of_number(row.number), Some(row.kind));
        }
        let words: HashSet<_> = KINDS.iter().map(|row| row.word).collect();
        let numbers: HashSet<_> = KINDS.iter().map(|row| row.number).collect();
        assert_eq!((words.len(), numbers.len()), (KINDS.len(), KINDS.len()));
    }
}
