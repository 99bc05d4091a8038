//! What a lot takes: its opening hours, its limits, and whom it lets in unbooked.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use parkmesh_contracts::window::Window;

// Whoever shows what can be booked must know them too.
pub use parkmesh_contracts::hours::{OpeningHours, OpeningSpan};

use super::closure::{Scope, closed_until};
use super::inventory::{Lot, Spot};

/// What an operator chose for a lot's windows and its drivers; 0 means the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LotRules {
    /// When it is open.
    pub hours: OpeningHours,
    /// Seconds that a window must have at least.
    pub shortest_window_seconds: i32,
    /// Seconds that a window may have at most.
    pub longest_window_seconds: i32,
    /// Seconds from now within which a window must begin.
    pub booking_ahead_seconds: i32,
    /// Seconds that a spot is to stay free after a window.
    pub turnaround_seconds: i32,
    /// Holds of one driver and hour that come to nothing.
    pub unpaid_holds_per_hour: i32,
    /// Seconds of a walk-in that is not told until when.
    pub walk_in_seconds: i32,
    /// Tax that prices include, in hundredths of a percent.
    pub vat_basis_points: i32,
    /// Drivers may start a walk-in themselves.
    pub drive_up_allowed: bool,
}

/// Seconds of the longest window that any lot takes.
const LONGEST_SECONDS: i32 = 30 * 24 * 3600;
/// Seconds of the farthest start that any lot takes.
const AHEAD_SECONDS: i32 = 366 * 24 * 3600;
/// Holds of one driver and hour that come to nothing: people look around, programs do so all day.
const UNPAID_HOLDS: i32 = 30;
/// Seconds of a walk-in.
const WALK_IN_SECONDS: i32 = 2 * 3600;

impl LotRules {
    /// The rules with the defaults, which the proto names, in place of zeros.
    pub fn resolved(&self) -> Self {
        let or = |chosen: i32, default: i32| if chosen == 0 { default } else { chosen };
        Self {
            longest_window_seconds: or(self.longest_window_seconds, LONGEST_SECONDS),
            booking_ahead_seconds: or(self.booking_ahead_seconds, AHEAD_SECONDS),
            unpaid_holds_per_hour: or(self.unpaid_holds_per_hour, UNPAID_HOLDS),
            walk_in_seconds: or(self.walk_in_seconds, WALK_IN_SECONDS),
            ..self.clone()
        }
    }

    /// Whether some window keeps both limits of length.
    pub fn admit_some_window(&self) -> bool {
        self.shortest_window_seconds <= self.resolved().longest_window_seconds
    }
}

/// Why a lot does not take a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleRefusal {
    /// Shorter than the lot takes.
    TooShort(SignedDuration),
    /// Longer than the lot takes.
    TooLong(SignedDuration),
    /// Begins later than the lot takes.
    TooFar(SignedDuration),
    /// The spot is closed in the window, until then.
    SpotClosed(Timestamp),
    /// The lot is closed at some time in the window; when it opens next after that.
    Closed(Option<Box<Zoned>>),
}

/// Checks a window, and a spot where it is known, against the rules and closures of its lot.
///
/// # Errors
/// [`RuleRefusal`].
pub fn rules_of_lot(
    lot: &Lot,
    spot: Option<&Spot>,
    window: &Window,
    now: Timestamp,
) -> Result<(), RuleRefusal> {
    let closed = closed_until(&lot.closures, window, |scope| match spot {
        Some(spot) => scope.contains((spot.floor_id, spot.spot_id)),
        None => scope == Scope::Lot,
    });
    match closed {
        Some(until) => Err(RuleRefusal::SpotClosed(until)),
        None => window_of_lot(lot, window, now),
    }
}

/// Checks a window against the rules of its lot.
///
/// # Errors
/// [`RuleRefusal`].
fn window_of_lot(lot: &Lot, window: &Window, now: Timestamp) -> Result<(), RuleRefusal> {
    let rules = lot.rules.resolved();
    let seconds = |seconds: i32| SignedDuration::from_secs(i64::from(seconds));
    let (shortest, longest) =
        (seconds(rules.shortest_window_seconds), seconds(rules.longest_window_seconds));
    if window.duration() < shortest {
        return Err(RuleRefusal::TooShort(shortest));
    }
    if window.duration() > longest {
        return Err(RuleRefusal::TooLong(longest));
    }
    let ahead = seconds(rules.booking_ahead_seconds);
    if window.start().duration_since(now) > ahead {
        return Err(RuleRefusal::TooFar(ahead));
    }
    if rules.hours.is_always() {
        return Ok(());
    }
    // A zone that this binary no longer knows is no reason to keep everybody out.
    let zone = TimeZone::get(&lot.time_zone).unwrap_or(TimeZone::UTC);
    match rules.hours.first_closed(&zone, window) {
        None => Ok(()),
        Some(closed) => {
            let next = rules.hours.next_open(&zone, closed);
            Err(RuleRefusal::Closed(next.map(|at| Box::new(at.to_zoned(zone)))))
        }
    }
}

#[cfg(test)]
mod tests;
