//! The table of a booking's life: which command leads from which state to which.

use parkmesh_contracts::booking::v1::BookingState::{
    self, Active, Cancelled, Completed, Expired, Held, NoShow, Reserved,
};

/// What can be asked of a booking, without its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The money is there.
    Confirm,
    /// It is given back.
    Cancel,
    /// The lot takes it back.
    Withdraw,
    /// The money is there and so is the car, which has not booked.
    Start,
    /// Its spot is given.
    Assign,
    /// The car came.
    Arrive,
    /// The car left.
    Leave,
    /// The deadline passed.
    Lapse,
}

/// Where a command leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To this state.
    To(BookingState),
    /// It is so already: several notice the same arrival or departure, and the first one counts.
    Stands,
    /// Nowhere: the state does not allow it.
    Refused,
}

/// The table. Every pair that is not in it is refused.
pub const fn next(state: BookingState, verb: Verb) -> Next {
    match (state, verb) {
        (Held, Verb::Confirm) => Next::To(Reserved),
        (Held, Verb::Start) => Next::To(Active),
        (Held | Reserved, Verb::Cancel | Verb::Withdraw) => Next::To(Cancelled),
        (Held, Verb::Lapse) => Next::To(Expired),
        (Reserved, Verb::Assign) => Next::To(Reserved),
        (Reserved, Verb::Arrive) => Next::To(Active),
        (Reserved, Verb::Lapse) => Next::To(NoShow),
        (Active, Verb::Leave | Verb::Lapse) => Next::To(Completed),
        (Active, Verb::Arrive) | (Completed, Verb::Leave) => Next::Stands,
        _ => Next::Refused,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const STATES: [BookingState; 7] =
        [Held, Reserved, Active, Completed, Cancelled, Expired, NoShow];
    pub const VERBS: [Verb; 8] = [
        Verb::Confirm,
        Verb::Cancel,
        Verb::Withdraw,
        Verb::Start,
        Verb::Assign,
        Verb::Arrive,
        Verb::Leave,
        Verb::Lapse,
    ];

    /// Whether a booking in this state keeps its spot.
    pub const fn is_live(state: BookingState) -> bool {
        matches!(state, Held | Reserved | Active)
    }

    #[test]
    fn nothing_leads_out_of_an_ended_state() {
        for state in STATES.into_iter().filter(|state| !is_live(*state)) {
            for verb in VERBS {
                assert!(!matches!(next(state, verb), Next::To(_)), "{state:?} {verb:?}");
            }
        }
    }

    #[test]
    fn every_live_state_ends_by_its_deadline() {
        for state in STATES.into_iter().filter(|state| is_live(*state)) {
            let Next::To(ended) = next(state, Verb::Lapse) else { panic!("{state:?} stays") };
            assert!(!is_live(ended));
        }
    }

    #[test]
    fn only_a_confirm_reserves_and_only_an_arrival_or_a_walk_in_activates() {
        for (state, verb) in STATES.iter().flat_map(|s| VERBS.iter().map(move |v| (*s, *v))) {
            match next(state, verb) {
                Next::To(Reserved) if verb == Verb::Assign => assert_eq!(state, Reserved),
                Next::To(Reserved) => assert_eq!((state, verb), (Held, Verb::Confirm)),
                Next::To(Active) => {
                    assert!(matches!(
                        (state, verb),
                        (Reserved, Verb::Arrive) | (Held, Verb::Start)
                    ));
                }
                _ => {}
            }
        }
    }
}
