//! Waiting for a place of a pool that is sold out.
//!
//! An entry WAITS until its window begins. What becomes free is OFFERED to it as a hold; what becomes of the
//! hold is what becomes of the entry (TAKEN, EXPIRED, LEFT, or WAITING again in its old place when the
//! operator took the hold back), and a trigger of the table `booking` writes it down, because also the
//! statement of somebody else's hold may end an offer that has lapsed.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::{WaitlistEndReason, WaitlistPassedReason, WaitlistState};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{BookingId, FloorId, LotId, UserId, WaitlistEntryId};
use parkmesh_contracts::window::Window;

use super::booking::last_hold;

/// Entries that wait in one line at most.
pub const LINE_MAX: i64 = 2_000;
/// Most entries of one driver in a lot that a policy can allow.
pub const WAITS_MAX: i32 = 20;
/// How long an entry that the lot's rules refuse claims nothing, unless the lot changes before.
pub const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// What an operator chose for those who wait; 0 means the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Seconds that an offer stands.
    pub offer_ttl_seconds: i32,
    /// Live entries of one driver in the lot.
    pub max_waits_per_user: i32,
}

impl Waiting {
    /// The defaults, which the proto names field by field.
    pub const DEFAULT: Self = Self { offer_ttl_seconds: 600, max_waits_per_user: 3 };

    /// The choice with the defaults in place of zeros.
    pub const fn resolved(self) -> Self {
        const fn or(chosen: i32, default: i32) -> i32 {
            if chosen == 0 { default } else { chosen }
        }
        Self {
            offer_ttl_seconds: or(self.offer_ttl_seconds, Self::DEFAULT.offer_ttl_seconds),
            max_waits_per_user: or(self.max_waits_per_user, Self::DEFAULT.max_waits_per_user),
        }
    }

    /// How long an offer stands.
    pub fn offer_ttl(self) -> SignedDuration {
        SignedDuration::from_secs(self.resolved().offer_ttl_seconds.into())
    }
}

/// A line: those who wait for one type of spot in a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    /// The lot.
    pub lot_id: LotId,
    /// The type.
    pub spot_type: SpotType,
}

/// A driver's place in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub entry_id: WaitlistEntryId,
    /// The line.
    pub line: Line,
    /// The floor liked best.
    pub preferred: Option<FloorId>,
    /// Who waits.
    pub user_id: UserId,
    /// The car's plate, sealed, or empty.
    pub plate: String,
    /// The driver has a permit for accessible spots.
    pub disability_permit: bool,
    /// What is wanted.
    pub window: Window,
    /// Where it stands.
    pub state: WaitlistState,
    /// How many wait in the line up to this one; 0 where it does not wait.
    pub place: i64,
    /// The newest offer.
    pub booking_id: Option<BookingId>,
    /// When it ends, while it stands.
    pub offer_expire_time: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: WaitlistEndReason,
    /// Why it was passed over the last time, and when.
    pub passed: Option<(WaitlistPassedReason, Timestamp)>,
    /// When it joined.
    pub join_time: Timestamp,
}

/// What a booking keeps after a change that it did not keep before, on the same spot.
pub fn newly_kept(had: &Window, keeps: &Window) -> Vec<Window> {
    let before = Window::try_new(keeps.start(), keeps.end().min(had.start()));
    let after = Window::try_new(keeps.start().max(had.end()), keeps.end());
    [before, after].into_iter().filter_map(Result::ok).collect()
}

/// Until when an entry for this window waits: as long as the window could be held.
pub fn wait_until(window: &Window) -> Timestamp {
    last_hold(window)
}

/// When the whole pool is to be searched for an entry again that has waited for so long. Everything that
/// frees a place is noted; this finds what no note tells of, soon for those who have just come.
pub fn search_after(waited: SignedDuration) -> SignedDuration {
    waited.clamp(SignedDuration::from_secs(1), SignedDuration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_just_come_is_looked_for_soon_and_who_waits_long_once_a_minute() {
        let seconds = SignedDuration::from_secs;
        assert_eq!(search_after(seconds(0)), seconds(1));
        assert_eq!(search_after(seconds(-3)), seconds(1));
        assert_eq!(search_after(seconds(20)), seconds(20));
        assert_eq!(search_after(seconds(7_200)), seconds(60));
    }

    #[test]
    fn what_is_newly_kept_lies_beside_what_was_had() {
        let window = |start, end| {
            let at = |minute: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
            Window::try_new(at(start), at(end)).expect("a window")
        };
        let had = window(60, 120);
        let newly = |start, end| newly_kept(&had, &window(start, end));
        assert_eq!(newly(60, 120), []);
        assert_eq!(newly(70, 90), []);
        assert_eq!(newly(60, 180), [window(120, 180)]);
        assert_eq!(newly(30, 150), [window(30, 60), window(120, 150)]);
        assert_eq!(newly(10, 50), [window(10, 50)]);
        assert_eq!(newly(130, 150), [window(130, 150)]);
    }

    #[test]
    fn zero_stands_for_the_default() {
        assert_eq!(Waiting::default().resolved(), Waiting::DEFAULT);
        let chosen = Waiting { offer_ttl_seconds: 60, max_waits_per_user: 1 };
        assert_eq!(chosen.resolved(), chosen);
        assert_eq!(chosen.offer_ttl(), SignedDuration::from_secs(60));
    }
}
