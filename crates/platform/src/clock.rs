//! The one clock. In production it is the system's; in development and in tests it can be moved, and
//! Postgres (`park_now()`) and every other process move with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp, Unit};

/// Tells the time. Clones share one offset.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Milliseconds that a movable clock stands ahead of the system's.
    offset_ms: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock, which nobody can move.
    pub fn system() -> Self {
        Self { offset_ms: None }
    }

    /// A clock that starts at the system's time and can be moved: development and tests only.
    pub fn movable() -> Self {
        Self { offset_ms: Some(Arc::default()) }
    }

    /// Now, cut to the microsecond, which is what Postgres keeps.
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_ms());
        let now = system_now();
        let now = now.checked_add(offset).unwrap_or(now);
        now.round(Unit::Microsecond).unwrap_or(now)
    }

    /// Whether it may be moved.
    pub fn is_movable(&self) -> bool {
        self.offset_ms.is_some()
    }

    /// Milliseconds that it stands ahead of the system's clock.
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.as_ref().map_or(0, |offset| offset.load(Ordering::SeqCst))
    }

    /// Puts it this many milliseconds ahead of the system's clock. A clock that cannot be moved stays.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        if let Some(offset) = &self.offset_ms {
            offset.store(offset_ms, Ordering::SeqCst);
        }
    }

    /// Moves it forward, or back by a negative duration. A clock that cannot be moved stays.
    pub fn advance(&self, by: SignedDuration) {
        if let Some(offset) = &self.offset_ms {
            let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            offset.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_clock_runs_ahead_by_what_it_was_moved() {
        let clock = Clock::movable();
        let before = clock.now();
        clock.advance(SignedDuration::from_hours(2));
        let moved = clock.now().duration_since(before);
        assert!(moved >= SignedDuration::from_hours(2) && moved < SignedDuration::from_mins(121));
        assert_eq!(clock.clone().offset_ms(), 7_200_000);
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        let clock = Clock::system();
        clock.advance(SignedDuration::from_hours(2));
        clock.set_offset_ms(5);
        assert_eq!(clock.offset_ms(), 0);
    }

    #[test]
    fn time_is_cut_to_the_microsecond() {
        assert_eq!(Clock::system().now().subsec_nanosecond() % 1_000, 0);
    }
}
