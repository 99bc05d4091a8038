//! What windows a lot takes, whatever is free.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::hours::OpeningHours;
use parkmesh_contracts::window::Window;

/// A window may have begun so long ago: who asks needs time to ask.
const PAST_MAX: SignedDuration = SignedDuration::from_mins(5);
/// The longest window that any lot takes.
pub const LENGTH_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The farthest start that any lot takes.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What a lot takes, as booking has told it.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRules {
    /// When it is open.
    pub hours: OpeningHours,
    /// Where its clock hangs.
    pub zone: TimeZone,
    /// A window has this length at least.
    pub shortest: SignedDuration,
    /// And at most this one.
    pub longest: SignedDuration,
    /// It begins so far from now at most.
    pub ahead: SignedDuration,
    /// A spot stays free for so long after it.
    pub turnaround: SignedDuration,
}

impl Default for WindowRules {
    fn default() -> Self {
        Self {
            hours: OpeningHours::default(),
            zone: TimeZone::UTC,
            shortest: SignedDuration::ZERO,
            longest: LENGTH_MAX,
            ahead: AHEAD_MAX,
            turnaround: SignedDuration::ZERO,
        }
    }
}

/// Why a lot does not take a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has passed, or began too long ago.
    Past,
    /// Shorter than the lot takes.
    TooShort,
    /// Longer.
    TooLong,
    /// It begins too far from now.
    TooFar,
    /// The lot is not open for all of it.
    NotOpen,
}

impl WindowRules {
    /// Why the lot does not take a window; None when it does. Closures are looked at elsewhere, with
    /// the spots that they close.
    #[must_use]
    pub fn refusal(&self, window: &Window, now: Timestamp) -> Option<Refusal> {
        if window.end() <= now || now.duration_since(window.start()) > PAST_MAX {
            return Some(Refusal::Past);
        }
        if window.duration() < self.shortest {
            return Some(Refusal::TooShort);
        }
        if window.duration() > self.longest {
            return Some(Refusal::TooLong);
        }
        if window.start().duration_since(now) > self.ahead {
            return Some(Refusal::TooFar);
        }
        let open = self.hours.is_always() || self.hours.first_closed(&self.zone, window).is_none();
        (!open).then_some(Refusal::NotOpen)
    }

    /// What a booking of a window would keep: the window, and the turnaround after it.
    #[must_use]
    pub fn kept(&self, window: &Window) -> Window {
        kept(window, self.turnaround)
    }
}

/// A window with the turnaround after it.
#[must_use]
pub fn kept(window: &Window, turnaround: SignedDuration) -> Window {
    let end = window.end().checked_add(turnaround).unwrap_or(Timestamp::MAX);
    Window::try_new(window.start(), end).unwrap_or(*window)
}
