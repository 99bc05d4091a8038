//! Where ground and books say different things of a spot.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::ids::{BookingId, DiscrepancyId, FloorId, LotId, SpotId};

use super::ground::State;

/// How long they may differ before it is one: facts are on their way, drivers walk to the kiosk.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// In what they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A car, and no session.
    CarWithoutSession,
    /// A session, and no car.
    SessionWithoutCar,
    /// The sensor has fallen silent.
    GroundUnknown,
}

/// What both say of a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Both {
    /// The spot.
    pub spot_id: SpotId,
    /// The lot.
    pub lot_id: LotId,
    /// The floor.
    pub floor_id: FloorId,
    /// What the ground says.
    pub ground: State,
    /// A session is under way there by the books.
    pub in_session: bool,
    /// Its booking, or that of the last one.
    pub booking_id: Option<BookingId>,
    /// Since when both say so.
    pub since_time: Timestamp,
}

/// A discrepancy that stands or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// Its id.
    pub discrepancy_id: DiscrepancyId,
    /// In what they differ.
    pub kind: Kind,
    /// What both said when it began.
    pub both: Both,
    /// When it ended.
    pub close_time: Option<Timestamp>,
}

impl Both {
    /// In what they differ, if they do.
    pub fn kind(&self) -> Option<Kind> {
        match (self.ground, self.in_session) {
            (State::Occupied, false) => Some(Kind::CarWithoutSession),
            (State::Vacant, true) => Some(Kind::SessionWithoutCar),
            (State::Unknown, _) => Some(Kind::GroundUnknown),
            (State::Occupied, true) | (State::Vacant, false) => None,
        }
    }

    /// In what they have differed for long enough to tell.
    pub fn lasting(&self, now: Timestamp) -> Option<Kind> {
        let lasts = now.duration_since(self.since_time) >= TOLERANCE;
        self.kind().filter(|_| lasts)
    }
}

impl Discrepancy {
    /// Whether it is another one, or none, by what both say now.
    pub fn is_over(&self, both: &Both) -> bool {
        both.kind() != Some(self.kind) || both.booking_id != self.both.booking_id
    }

    /// How long it has lasted, or had.
    pub fn age(&self, now: Timestamp) -> SignedDuration {
        let until = self.close_time.unwrap_or(now);
        until.duration_since(self.both.since_time).max(SignedDuration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::new(1_800_000_000 + minute * 60, 0).expect("in range")
    }

    fn both(ground: State, in_session: bool) -> Both {
        let (spot_id, lot_id, floor_id) =
            (Uuid::nil().into(), Uuid::nil().into(), Uuid::nil().into());
        Both { spot_id, lot_id, floor_id, ground, in_session, booking_id: None, since_time: at(0) }
    }

    #[test]
    fn a_car_needs_a_session_a_session_a_car_and_both_a_ground_that_is_known() {
        use State::{Occupied, Unknown, Vacant};
        let kinds = [
            (Vacant, false, None),
            (Occupied, true, None),
            (Occupied, false, Some(Kind::CarWithoutSession)),
            (Vacant, true, Some(Kind::SessionWithoutCar)),
            (Unknown, false, Some(Kind::GroundUnknown)),
            (Unknown, true, Some(Kind::GroundUnknown)),
        ];
        for (ground, in_session, kind) in kinds {
            assert_eq!(both(ground, in_session).kind(), kind, "{ground:?} {in_session}");
        }
    }

    #[test]
    fn only_what_lasts_is_told_and_it_ages_until_it_ends() {
        let both = both(State::Occupied, false);
        assert_eq!(both.lasting(at(4)), None);
        assert_eq!(both.lasting(at(5)), Some(Kind::CarWithoutSession));
        let (discrepancy_id, kind) = (Uuid::nil().into(), Kind::CarWithoutSession);
        let stands = Discrepancy { discrepancy_id, kind, both, close_time: None };
        assert_eq!(stands.age(at(9)), SignedDuration::from_mins(9));
        let ended = Discrepancy { close_time: Some(at(7)), ..stands };
        assert_eq!(ended.age(at(9)), SignedDuration::from_mins(7));
    }

    #[test]
    fn another_kind_or_another_booking_is_another_discrepancy() {
        let first = both(State::Vacant, true);
        let (discrepancy_id, kind) = (Uuid::nil().into(), Kind::SessionWithoutCar);
        let stands = Discrepancy { discrepancy_id, kind, both: first, close_time: None };
        assert!(!stands.is_over(&Both { since_time: at(3), ..first }));
        assert!(stands.is_over(&Both { ground: State::Occupied, ..first }));
        assert!(stands.is_over(&Both { booking_id: Some(Uuid::max().into()), ..first }));
    }
}
