//! Bookings: the rules of their life, their windows and their price.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::booking::v1::BookingState;
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::{
    AllotmentId, BookingId, FloorId, LotId, PaymentId, SpotId, UserId, WaitlistEntryId,
};
use parkmesh_contracts::money::Money;
use parkmesh_contracts::window::Window;
use uuid::Uuid;

use super::inventory::Policy;
use crate::domain::tariff::Fare;

mod departure;
mod life;
mod moves;
mod pricing;
mod table;

pub use departure::Doubt;
pub use life::{Command, Event, Refusal, Step, Target};
pub use moves::OVERSTAY_MAX;
pub use pricing::{NO_TARIFF, Price};

/// How far back a window may begin: a person needs time to fill a form that began with "now".
const PAST_MAX: SignedDuration = SignedDuration::from_mins(5);
/// How long a window may be.
const LENGTH_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far ahead a window may begin.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Letters and digits that nobody takes for one another.
const CODE_LETTERS: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// Letters of a code: nine hundred billion codes, so that nobody finds one by trying.
pub const CODE_LEN: usize = 8;

/// A right to a spot in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// Its id.
    pub booking_id: BookingId,
    /// What the QR shows; unique among the live bookings of the lot.
    pub code: String,
    /// The lot.
    pub lot_id: LotId,
    /// What is kept.
    pub place: Place,
    /// Whose it is.
    pub user_id: UserId,
    /// The car's plate, sealed, or empty.
    pub plate: String,
    /// The window kept. Begins before `start_time` when the car came early.
    pub window: Window,
    /// The start that was booked.
    pub start_time: Timestamp,
    /// Where it stands.
    pub state: BookingState,
    /// What it costs at most.
    pub price: Price,
    /// Until when the driver may decide.
    pub hold_expire_time: Timestamp,
    /// The authorisation whose outcome is awaited.
    pub payment_attempt: Option<Uuid>,
    /// Why its card was refused the last time.
    pub decline_code: Option<String>,
    /// Until when another card is to be given for what is promised.
    pub card_due_time: Option<Timestamp>,
    /// What covers it.
    pub payment_id: Option<PaymentId>,
    /// When the car came.
    pub arrive_time: Option<Timestamp>,
    /// When the car of a session was seen to leave that may still be back.
    pub depart_time: Option<Timestamp>,
    /// When the car left.
    pub leave_time: Option<Timestamp>,
    /// What is to be captured: of a stay, or a fee where one is due.
    pub final_amount: Option<Money>,
    /// What its car owes beside, which stayed past the window and has left.
    pub overstay_amount: Option<Money>,
    /// The one deadline of a live booking.
    pub due_time: Option<Timestamp>,
    /// Counts up with every change.
    pub version: i64,
    /// When it was made.
    pub create_time: Timestamp,
    /// The waitlist entry that it was offered to.
    pub waitlist_entry_id: Option<WaitlistEntryId>,
}

/// What a booking keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A spot.
    Spot {
        /// Its floor.
        floor_id: FloorId,
        /// The spot.
        spot_id: SpotId,
        /// What is painted on it.
        spot_number: String,
        /// Whether it is the driver's: else it keeps a place in the pool for them, and nobody is told which it is.
        promised: bool,
    },
    /// A ticket: one of so many places that lie apart from the spots.
    Ticket {
        /// The allotment.
        allotment_id: AllotmentId,
        /// The number on the ticket, from 1.
        number: i32,
    },
}

impl Booking {
    /// The spot that is kept; None for a ticket.
    pub const fn spot_id(&self) -> Option<SpotId> {
        match self.place {
            Place::Spot { spot_id, .. } => Some(spot_id),
            Place::Ticket { .. } => None,
        }
    }

    /// The type of spot that was priced; unspecified for a ticket.
    pub fn spot_type(&self) -> SpotType {
        self.price.fare.as_ref().map(Fare::spot_type).unwrap_or_default()
    }

    /// Whether the spot is still to be given: what is kept is provisional.
    pub const fn is_pending(&self) -> bool {
        matches!(self.place, Place::Spot { promised: false, .. })
    }

    /// The window that was booked and priced.
    pub fn booked_window(&self) -> Window {
        Window::try_new(self.start_time, self.window.end()).unwrap_or(self.window)
    }
}

/// What a booking's lot says to it: its times, and the words of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Name of the lot.
    pub lot_name: String,
    /// IANA zone of the lot.
    pub time_zone: String,
    /// Times and limits.
    pub policy: Policy,
    /// Seconds for which its spot takes no other booking after its window.
    pub turnaround_seconds: i32,
}

/// Why a window cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowRefusal {
    /// Longer than [`LENGTH_MAX`].
    TooLong,
    /// Begins after [`AHEAD_MAX`].
    TooFar,
    /// Begins too long ago, or has ended.
    Past,
}

impl WindowRefusal {
    /// What is wrong with `window`.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TooLong => "must not be longer than 30 days",
            Self::TooFar => "must begin within the next 366 days",
            Self::Past => "must not begin in the past",
        }
    }
}

/// Checks that a window can be held now.
///
/// # Errors
/// [`WindowRefusal`].
pub fn check_window(window: &Window, now: Timestamp) -> Result<(), WindowRefusal> {
    if window.duration() > LENGTH_MAX {
        return Err(WindowRefusal::TooLong);
    }
    if window.start() > after(now, AHEAD_MAX) {
        return Err(WindowRefusal::TooFar);
    }
    if after(window.start(), PAST_MAX) < now || window.end() <= now {
        return Err(WindowRefusal::Past);
    }
    Ok(())
}

/// The last moment in which a window can be held.
pub fn last_hold(window: &Window) -> Timestamp {
    after(window.start(), PAST_MAX).min(window.end())
}

/// When a hold made now ends: never after its window.
pub fn hold_end(window: &Window, hold_ttl: SignedDuration, now: Timestamp) -> Timestamp {
    after(now, hold_ttl).min(window.end())
}

/// A code from random bytes.
pub fn code(random: [u8; CODE_LEN]) -> String {
    // 256 is not a multiple of 31: eight of the letters come up a ninth time. That harms no one.
    let letter = |byte: u8| char::from(CODE_LETTERS[usize::from(byte) % CODE_LETTERS.len()]);
    random.into_iter().map(letter).collect()
}

/// The code as it was made, from what a person typed.
pub fn typed_code(text: &str) -> String {
    text.trim().to_ascii_uppercase()
}

/// A moment later, or the last that there is.
pub fn after(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(2_000_000_000 + minutes * 60).unwrap()
    }

    fn window(start: i64, end: i64) -> Window {
        Window::try_new(at(start), at(end)).unwrap()
    }

    #[test]
    fn a_window_may_begin_a_form_ago_but_not_longer() {
        assert_eq!(check_window(&window(-5, 60), at(0)), Ok(()));
        assert_eq!(check_window(&window(-6, 60), at(0)), Err(WindowRefusal::Past));
        assert_eq!(check_window(&window(-4, 0), at(0)), Err(WindowRefusal::Past));
    }

    #[test]
    fn a_window_has_a_longest_length_and_a_farthest_start() {
        let day = 24 * 60;
        assert_eq!(check_window(&window(0, 30 * day), at(0)), Ok(()));
        assert_eq!(check_window(&window(0, 30 * day + 1), at(0)), Err(WindowRefusal::TooLong));
        assert_eq!(check_window(&window(366 * day, 367 * day), at(0)), Ok(()));
        assert_eq!(
            check_window(&window(366 * day + 1, 367 * day), at(0)),
            Err(WindowRefusal::TooFar)
        );
    }

    #[test]
    fn a_hold_does_not_outlive_its_window() {
        let ttl = SignedDuration::from_mins(15);
        assert_eq!(hold_end(&window(0, 10), ttl, at(0)), at(10));
        assert_eq!(hold_end(&window(0, 60), ttl, at(0)), at(15));
    }

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = code([0, 31, 30, 7, 200, 255, 8, 9]);
        assert_eq!(code.len(), CODE_LEN);
        assert_eq!(typed_code(&format!(" {} ", code.to_lowercase())), code);
    }
}
