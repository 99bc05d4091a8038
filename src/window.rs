//! Windows: the half-open spans of time that bookings hold.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::time::{self, TimeError};

/// A span `[start, end)` that is never empty: its first instant is inside, its end is not. 09–10 and 10–11 touch and do not
/// overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct Window {
    start: Timestamp,
    end: Timestamp,
}

/// Two instants that make no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// An end that is not after the start.
    #[error("a window must end after it starts ({start} to {end})")]
    Empty {
        /// The start asked for.
        start: Timestamp,
        /// The end asked for.
        end: Timestamp,
    },
    /// A message without `start_time` or `end_time`.
    #[error("a window needs {0}")]
    Missing(&'static str),
    /// A time that is none.
    #[error(transparent)]
    Time(#[from] TimeError),
}

impl Window {
    /// # Errors
    /// [`WindowError::Empty`] unless `start < end`.
    pub fn try_new(start: Timestamp, end: Timestamp) -> Result<Self, WindowError> {
        if start < end { Ok(Self { start, end }) } else { Err(WindowError::Empty { start, end }) }
    }

    /// First instant inside.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// First instant after.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// How long it is; always more than zero.
    pub fn duration(&self) -> SignedDuration {
        self.start.duration_until(self.end)
    }

    /// Whether the instant is inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether the other lies wholly inside.
    pub fn encloses(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether both contain some instant. Windows that touch do not.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether one begins exactly where the other ends.
    pub fn touches(&self, other: &Self) -> bool {
        self.end == other.start || other.end == self.start
    }

    /// What both contain, or None when they do not overlap.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::try_new(self.start.max(other.start), self.end.min(other.end)).ok()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

impl TryFrom<&crate::common::v1::Window> for Window {
    type Error = WindowError;
    fn try_from(window: &crate::common::v1::Window) -> Result<Self, WindowError> {
        let start = window.start_time.as_ref().ok_or(WindowError::Missing("start_time"))?;
        let end = window.end_time.as_ref().ok_or(WindowError::Missing("end_time"))?;
        Self::try_new(time::from_proto(start)?, time::from_proto(end)?)
    }
}

impl From<Window> for crate::common::v1::Window {
    fn from(window: Window) -> Self {
        Self {
            start_time: Some(time::to_proto(window.start)),
            end_time: Some(time::to_proto(window.end)),
        }
    }
}

/// How a window stands in JSON, before it is checked.
#[derive(Serialize, Deserialize)]
struct Ends {
    start: Timestamp,
    end: Timestamp,
}

impl TryFrom<Ends> for Window {
    type Error = WindowError;
    fn try_from(ends: Ends) -> Result<Self, WindowError> {
        Self::try_new(ends.start, ends.end)
    }
}

impl From<Window> for Ends {
    fn from(window: Window) -> Self {
        Self { start: window.start, end: window.end }
    }
}
