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
    /// The car was seen to leave and may be back.
    Depart,
    /// It is back.
    Return,
    /// The deadline passed.
    Lapse,
    /// The window is to end later.
    Extend,
    /// The driver wants another spot or another window.
    Move,
    /// Another spot has to be found.
    Relocate,
    /// A car may be its car.
    AskClaim,
    /// The car that had stayed too long has left.
    Overstay,
    /// Its card is refused, and its driver is to give another.
    Decline,
    /// Something is taken off the price.
    Reduce,
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
        (Held, Verb::Decline | Verb::Reduce) => Next::To(Held),
        (Reserved, Verb::Assign) => Next::To(Reserved),
        (Reserved, Verb::Arrive) => Next::To(Active),
        (Reserved, Verb::Lapse) => Next::To(NoShow),
        (Active, Verb::Leave | Verb::Lapse) => Next::To(Completed),
        (Active, Verb::Arrive) | (Completed, Verb::Leave) => Next::Stands,
        (
            Reserved,
            Verb::Extend
            | Verb::Move
            | Verb::Relocate
            | Verb::AskClaim
            | Verb::Decline
            | Verb::Reduce,
        ) => Next::To(Reserved),
        (Active, Verb::Extend | Verb::Depart | Verb::Return | Verb::Decline | Verb::Reduce) => {
            Next::To(Active)
        }
        (Completed, Verb::Overstay) => Next::To(Completed),
        _ => Next::Refused,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const STATES: [BookingState; 7] =
        [Held, Reserved, Active, Completed, Cancelled, Expired, NoShow];
    pub const VERBS: [Verb; 17] = [
        Verb::Confirm,
        Verb::Cancel,
        Verb::Withdraw,
        Verb::Arrive,
        Verb::Leave,
        Verb::Lapse,
        Verb::Start,
        Verb::Assign,
        Verb::Extend,
        Verb::Move,
        Verb::Relocate,
        Verb::AskClaim,
        Verb::Overstay,
        Verb::Depart,
        Verb::Return,
        Verb::Decline,
        Verb::Reduce,
    ];

    /// Whether a booking in this state keeps its spot.
    pub const fn is_live(state: BookingState) -> bool {
        matches!(state, Held | Reserved | Active)
    }

    #[test]
    fn nothing_leads_out_of_an_ended_state() {
        for state in STATES.into_iter().filter(|state| !is_live(*state)) {
            for verb in VERBS {
                match next(state, verb) {
                    // What it owes beside comes later.
                    Next::To(Completed) => {
                        assert_eq!((state, verb), (Completed, Verb::Overstay));
                    }
                    next => assert!(!matches!(next, Next::To(_)), "{state:?} {verb:?}"),
                }
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
                Next::To(Reserved) if state != Reserved => {
                    assert_eq!((state, verb), (Held, Verb::Confirm));
                }
                Next::To(Active) if state != Active => {
                    assert!(matches!(
                        (state, verb),
                        (Reserved, Verb::Arrive) | (Held, Verb::Start)
                    ));
                }
                _ => {}
            }
        }
    }

    /// The whole table, written out a second time: who changes one has to mean it.
    #[test]
    fn each_command_in_each_state_is_what_the_plan_says() {
        let says = |state: BookingState| -> [&str; 17] {
            // Confirm Cancel Withdraw Arrive Leave Lapse Start Assign Extend Move Relocate AskClaim Overstay Depart Return Decline Reduce
            match state {
                Held => [
                    "R", "X", "X", "-", "-", "E", "A", "-", "-", "-", "-", "-", "-", "-", "-", "H",
                    "H",
                ],
                Reserved => [
                    "-", "X", "X", "A", "-", "N", "-", "R", "R", "R", "R", "R", "-", "-", "-", "R",
                    "R",
                ],
                Active => [
                    "-", "-", "-", "=", "C", "C", "-", "-", "A", "-", "-", "-", "-", "A", "A", "A",
                    "A",
                ],
                Completed => [
                    "-", "-", "-", "-", "=", "-", "-", "-", "-", "-", "-", "-", "C", "-", "-", "-",
                    "-",
                ],
                _ => ["-"; 17],
            }
        };
        for (state, verb) in STATES.iter().flat_map(|s| VERBS.iter().map(move |v| (*s, *v))) {
            let word = match next(state, verb) {
                Next::To(Reserved) => "R",
                Next::To(Active) => "A",
                Next::To(Completed) => "C",
                Next::To(Cancelled) => "X",
                Next::To(Expired) => "E",
                Next::To(NoShow) => "N",
                Next::To(Held) => "H",
                Next::To(_) => "?",
                Next::Stands => "=",
                Next::Refused => "-",
            };
            let column = VERBS.iter().position(|known| *known == verb).unwrap_or_default();
            assert_eq!(word, says(state)[column], "{state:?} {verb:?}");
        }
    }
}
