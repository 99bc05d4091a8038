//! Cars that were seen to leave and may be back: one false "free" must not cost a driver the session, and some
//! lots let cars come and go for all of their window.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::Cause;

use super::life::{Command, Event, Refusal};
use super::{Booking, after};
use crate::domain::inventory::Policy;

/// How long "free" has to stand when a sensor says it that flaps: as long as a flap is held against it. By
/// then it has not flapped any more.
pub const DOUBT_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// Why a sensor's word is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It takes its changes back.
    Flapping,
    /// It says itself that it does not measure right.
    Faulty,
}

impl Doubt {
    /// How long the word of such a sensor has to stand until it counts; None: it never does by itself.
    pub const fn wait(self) -> Option<SignedDuration> {
        match self {
            Self::Flapping => Some(DOUBT_WAIT),
            Self::Faulty => None,
        }
    }
}

impl Booking {
    /// What it means for a session that its car was seen to leave `at` that moment. None: nothing, because no
    /// stay is ended by a sensor that says itself that it is wrong. A car that has passed the gate needs no grace.
    pub fn seen_to_leave(
        &self,
        (at, cause): (Timestamp, Cause),
        doubt: Option<Doubt>,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Command> {
        let grace = match doubt {
            _ if cause == Cause::Plate => SignedDuration::ZERO,
            Some(doubt) => policy.departure_grace.max(doubt.wait()?),
            None => policy.departure_grace,
        };
        // Counted from when we know: the car may be back, and its word on the way.
        let until = after(now, grace);
        let until = match policy.in_and_out_allowed {
            true => until.max(self.window.end()),
            false => until,
        };
        Some(match until > now {
            true => Command::Depart(at, until, cause),
            false => Command::Leave(at, cause),
        })
    }

    pub(super) fn depart(
        &self,
        at: Timestamp,
        until: Timestamp,
        cause: Cause,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) {
            return Err(Refusal::State(self.state_when_due()));
        }
        let at = at.max(self.arrive_time.unwrap_or(self.start_time));
        let booking = Self { depart_time: Some(at), due_time: Some(until), ..self.clone() };
        Ok((booking, Event::Departed(until, cause)))
    }

    pub(super) fn come_back(
        &self,
        cause: Cause,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        if self.is_due(now) {
            return Err(Refusal::State(self.state_when_due()));
        }
        let due_time = Some(after(self.window.end(), policy.overstay_grace));
        Ok((Self { depart_time: None, due_time, ..self.clone() }, Event::Returned(cause)))
    }

    /// Until when its car may be back, where the window ends then.
    pub(super) fn depart_deadline(&self, end: Timestamp, policy: &Policy) -> Timestamp {
        let due_time = self.due_time.unwrap_or(end);
        if policy.in_and_out_allowed { due_time.max(end) } else { due_time }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use parkmesh_contracts::booking::v1::BookingState;

    use super::super::life::Step;
    use super::super::life::tests::{active, at, policy};
    use super::*;

    fn changed(booking: &Booking, command: &Command, policy: &Policy, now: Timestamp) -> Booking {
        match booking.transition(command, policy, now).unwrap() {
            Step::Changed(booking, _) => *booking,
            Step::Stands => panic!("{command:?} changes nothing"),
        }
    }

    fn graceful() -> Policy {
        Policy { departure_grace: SignedDuration::from_mins(2), ..policy() }
    }

    #[test]
    fn without_grace_and_doubt_a_car_that_was_seen_to_leave_has_left() {
        let left = active(60).seen_to_leave((at(90), Cause::Sensor), None, &policy(), at(91));
        assert_eq!(left, Some(Command::Leave(at(90), Cause::Sensor)));
    }

    #[test]
    fn a_sensor_that_flaps_has_to_stand_by_its_word_and_a_faulty_one_is_not_heard() {
        let left = active(60).seen_to_leave(
            (at(90), Cause::Sensor),
            Some(Doubt::Flapping),
            &graceful(),
            at(91),
        );
        assert_eq!(left, Some(Command::Depart(at(90), at(101), Cause::Sensor)));
        assert_eq!(
            active(60).seen_to_leave(
                (at(90), Cause::Sensor),
                Some(Doubt::Faulty),
                &policy(),
                at(91)
            ),
            None
        );
    }

    #[test]
    fn a_car_that_comes_back_in_time_has_never_left() {
        let policy = graceful();
        let stay = active(60);
        let command = stay.seen_to_leave((at(90), Cause::Sensor), None, &policy, at(91)).unwrap();
        let away = changed(&stay, &command, &policy, at(91));
        assert_eq!((away.state, away.depart_time), (BookingState::Active, Some(at(90))));
        assert_eq!(away.due_time, Some(at(93)));
        assert_eq!(away.transition(&command, &policy, at(92)).unwrap(), Step::Stands);
        for back in [Command::Return(Cause::Sensor), Command::Arrive(at(92), Cause::Kiosk)] {
            let back = changed(&away, &back, &policy, at(92));
            let version = stay.version + 2;
            assert_eq!(back, Booking { version, ..stay.clone() }, "as if it had never left");
        }
    }

    #[test]
    fn a_car_that_does_not_come_back_left_when_it_was_seen_to() {
        let policy = graceful();
        let stay = active(60);
        let command = stay.seen_to_leave((at(90), Cause::Sensor), None, &policy, at(91)).unwrap();
        let away = changed(&stay, &command, &policy, at(91));
        let too_late = away.transition(&Command::Return(Cause::Sensor), &policy, at(93));
        assert_eq!(too_late, Err(Refusal::State(BookingState::Completed)));
        for end in [Command::Lapse, Command::Leave(at(94), Cause::Driver)] {
            let ended = changed(&away, &end, &policy, at(94));
            assert_eq!((ended.state, ended.leave_time), (BookingState::Completed, Some(at(90))));
            assert_eq!(ended.depart_time, None);
        }
    }

    #[test]
    fn where_cars_may_come_and_go_a_session_ends_with_its_window_however_it_was_extended() {
        let policy = Policy { in_and_out_allowed: true, ..policy() };
        let stay = active(60);
        let command = stay.seen_to_leave((at(90), Cause::Sensor), None, &policy, at(90)).unwrap();
        assert_eq!(command, Command::Depart(at(90), at(180), Cause::Sensor));
        let away = changed(&stay, &command, &policy, at(90));
        let longer = changed(&away, &Command::Extend(at(240), None), &policy, at(100));
        assert_eq!((longer.depart_time, longer.due_time), (Some(at(90)), Some(at(240))));
        let over = active(60).seen_to_leave((at(185), Cause::Sensor), None, &policy, at(186));
        assert_eq!(over, Some(Command::Leave(at(185), Cause::Sensor)), "its window is over");
    }

    #[test]
    fn a_car_that_has_passed_the_gate_has_left_unless_it_may_come_back() {
        let gate = (at(90), Cause::Plate);
        let left = active(60).seen_to_leave(gate, None, &graceful(), at(90));
        assert_eq!(left, Some(Command::Leave(at(90), Cause::Plate)));
        let policy = Policy { in_and_out_allowed: true, ..policy() };
        let away = active(60).seen_to_leave(gate, None, &policy, at(90));
        assert_eq!(away, Some(Command::Depart(at(90), at(180), Cause::Plate)));
    }

    #[test]
    fn a_short_grace_is_not_cut_by_an_extension() {
        let policy = graceful();
        let stay = active(60);
        let command = stay.seen_to_leave((at(90), Cause::Sensor), None, &policy, at(90)).unwrap();
        let away = changed(&stay, &command, &policy, at(90));
        let longer = changed(&away, &Command::Extend(at(240), None), &policy, at(91));
        assert_eq!(longer.due_time, away.due_time);
    }
}
