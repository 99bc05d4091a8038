//! What people are told, in words, when, and by which ways. Pure.

pub mod address;
pub mod delivery;
mod kind;
pub mod message;
mod moment;
pub mod painted;
pub mod preferences;
pub mod reminder;
mod template;
mod words;

pub use kind::Kind;
pub use message::{Alert, Asked, Change, Disagreement, Happening, Message, Need, Place};
pub use preferences::{Channel, Language, Preferences};

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, LotId, NotificationId};

/// A message to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub notification_id: NotificationId,
    /// Counts up within the person's messages, from 1.
    pub sequence: i64,
    /// What it says.
    pub message: Message,
    /// The booking it is about.
    pub booking_id: Option<BookingId>,
    /// The lot, where it is known.
    pub lot_id: Option<LotId>,
    /// When it was written.
    pub create_time: Timestamp,
    /// When it was read.
    pub read_time: Option<Timestamp>,
}
