//! What a booking's driver is reminded of next: each state of a booking has at most one such thing.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::window::Window;

use super::message::Due;

/// How long before its end the driver hears that a hold ends.
const BEFORE_HOLD_ENDS: SignedDuration = SignedDuration::from_mins(3);
/// How long before its start the driver hears that a booking begins.
const BEFORE_START: SignedDuration = SignedDuration::from_mins(60);
/// How long before its end the driver hears that a booking ends.
const BEFORE_END: SignedDuration = SignedDuration::from_mins(10);

/// How far a booking is, as far as reminding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Kept for a while.
    Held {
        /// Until then.
        until: Timestamp,
    },
    /// Promised.
    Reserved,
    /// The car is there.
    Active,
    /// There is nothing to be reminded of.
    Over,
}

/// The kind of what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The hold ends.
    Hold,
    /// The booking begins.
    Start,
    /// The booking ends.
    End,
}

impl Subject {
    /// Every subject.
    const ALL: [Self; 3] = [Self::Hold, Self::Start, Self::End];

    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Start => "start",
            Self::End => "end",
        }
    }

    /// The subject of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.word() == word)
    }

    /// How long before it happens it is told.
    const fn before(self) -> SignedDuration {
        match self {
            Self::Hold => BEFORE_HOLD_ENDS,
            Self::Start => BEFORE_START,
            Self::End => BEFORE_END,
        }
    }

    /// What is told, of what happens then.
    pub fn due(self, happens: Timestamp, window: Window, code: &str) -> Due {
        match self {
            Self::Hold => Due::HoldExpiring { until: happens },
            Self::Start => Due::StartingSoon { window, code: code.to_owned() },
            Self::End => Due::EndingSoon { end: happens },
        }
    }
}

/// Something to be reminded of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Of what.
    pub subject: Subject,
    /// When it happens.
    pub happens: Timestamp,
}

impl Reminder {
    /// When it is told.
    pub fn tell_time(&self) -> Timestamp {
        self.happens.checked_sub(self.subject.before()).unwrap_or(Timestamp::MIN)
    }

    /// What a booking in this stage is to be reminded of, from now on. Who has just done something that close
    /// before needs no reminder of it.
    pub fn next(stage: Stage, window: &Window, now: Timestamp) -> Option<Self> {
        let (subject, happens) = match stage {
            Stage::Held { until } => (Subject::Hold, until),
            Stage::Reserved => (Subject::Start, window.start()),
            Stage::Active => (Subject::End, window.end()),
            Stage::Over => return None,
        };
        let reminder = Self { subject, happens };
        (reminder.tell_time() > now).then_some(reminder)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn each_stage_is_reminded_of_what_comes_next_in_time() {
        let window =
            Window::try_new(at("2026-11-20T13:00:00Z"), at("2026-11-20T15:00:00Z")).unwrap();
        let now = at("2026-11-20T11:00:00Z");
        let until = at("2026-11-20T11:15:00Z");
        let told = |stage| {
            Reminder::next(stage, &window, now).map(|next| (next.subject, next.tell_time()))
        };
        assert_eq!(told(Stage::Held { until }), Some((Subject::Hold, at("2026-11-20T11:12:00Z"))));
        assert_eq!(told(Stage::Reserved), Some((Subject::Start, at("2026-11-20T12:00:00Z"))));
        assert_eq!(told(Stage::Active), Some((Subject::End, at("2026-11-20T14:50:00Z"))));
        assert_eq!(told(Stage::Over), None);
    }

    #[test]
    fn who_books_shortly_before_is_not_reminded() {
        let window =
            Window::try_new(at("2026-11-20T13:00:00Z"), at("2026-11-20T15:00:00Z")).unwrap();
        let next = |stage, now| Reminder::next(stage, &window, at(now));
        assert_eq!(next(Stage::Reserved, "2026-11-20T12:00:00Z"), None);
        assert_eq!(next(Stage::Active, "2026-11-20T14:50:00Z"), None);
        assert!(next(Stage::Active, "2026-11-20T14:49:59Z").is_some());
    }

    #[test]
    fn words_are_read_back() {
        for subject in Subject::ALL {
            assert_eq!(Subject::of_word(subject.word()), Some(subject));
        }
    }
}
