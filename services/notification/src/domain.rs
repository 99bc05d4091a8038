//! What people are told, in words. Pure.

pub mod message;
mod moment;

pub use message::{Change, Happening, Kind, Message, Place};

use jiff::Timestamp;
use parkmesh_contracts::ids::{BookingId, NotificationId};

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
    pub booking_id: BookingId,
    /// When it was written.
    pub create_time: Timestamp,
    /// When it was read.
    pub read_time: Option<Timestamp>,
}
