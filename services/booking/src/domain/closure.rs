//! Closures: times in which a lot, a floor or a spot takes no new bookings.

use jiff::Timestamp;
use parkmesh_contracts::ids::{ClosureId, FloorId, LotId, SpotId};
use parkmesh_contracts::window::Window;

/// Closures of a lot that have not ended, at most: an `inventory_changed` fact carries all of them.
pub const CLOSURES_MAX: usize = 500;

/// What of a lot is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Lot,
    /// One floor.
    Floor(FloorId),
    /// One spot.
    Spot(SpotId),
}

impl Scope {
    /// Whether a spot of the lot, told with its floor, is closed.
    pub fn contains(self, (floor_id, spot_id): (FloorId, SpotId)) -> bool {
        match self {
            Self::Lot => true,
            Self::Floor(closed) => closed == floor_id,
            Self::Spot(closed) => closed == spot_id,
        }
    }

    /// The floor that is closed, if it is one.
    pub fn floor_id(self) -> Option<FloorId> {
        if let Self::Floor(floor_id) = self { Some(floor_id) } else { None }
    }

    /// The spot that is closed, if it is one.
    pub fn spot_id(self) -> Option<SpotId> {
        if let Self::Spot(spot_id) = self { Some(spot_id) } else { None }
    }
}

/// A time in which something takes no new bookings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// Its id.
    pub closure_id: ClosureId,
    /// The lot.
    pub lot_id: LotId,
    /// What of it is closed.
    pub scope: Scope,
    /// When.
    pub window: Window,
    /// Why, for people.
    pub reason: String,
    /// When it was made.
    pub create_time: Timestamp,
}

/// Until when the window is closed by closures of a scope that counts; None when none meets it.
pub fn closed_until(
    closures: &[Closure],
    window: &Window,
    counts: impl Fn(Scope) -> bool,
) -> Option<Timestamp> {
    let met =
        closures.iter().filter(|closure| closure.window.overlaps(window) && counts(closure.scope));
    met.map(|closure| closure.window.end()).max()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use uuid::Uuid;

    use super::*;

    fn window(start: i64, end: i64) -> Window {
        let at = |hour: i64| Timestamp::from_second(hour * 3_600).unwrap();
        Window::try_new(at(start), at(end)).unwrap()
    }

    fn closure(scope: Scope, start: i64, end: i64) -> Closure {
        let (closure_id, lot_id) = (Uuid::nil().into(), Uuid::nil().into());
        let (reason, create_time) = ("Cleaning".to_owned(), Timestamp::UNIX_EPOCH);
        Closure { closure_id, lot_id, scope, window: window(start, end), reason, create_time }
    }

    #[test]
    fn a_closure_closes_what_its_scope_says_and_touches_nobody() {
        let floor = |n: u128| FloorId::from(Uuid::from_u128(n));
        let spot = |n: u128| SpotId::from(Uuid::from_u128(n));
        let closures = [
            closure(Scope::Lot, 1, 2),
            closure(Scope::Floor(floor(1)), 3, 5),
            closure(Scope::Spot(spot(7)), 4, 6),
        ];
        let until = |place: (FloorId, SpotId), start, end| {
            let found = closed_until(&closures, &window(start, end), |scope| scope.contains(place));
            found.map(|until| until.as_second() / 3_600)
        };
        assert_eq!(until((floor(9), spot(9)), 0, 9), Some(2));
        assert_eq!(until((floor(9), spot(9)), 2, 9), None);
        assert_eq!(until((floor(9), spot(9)), 0, 1), None);
        assert_eq!(until((floor(1), spot(9)), 2, 9), Some(5));
        assert_eq!(until((floor(1), spot(7)), 0, 9), Some(6));
        assert_eq!(until((floor(9), spot(7)), 5, 6), Some(6));
    }
}
