//! The one clock. In production it is the system's; in development and in tests it can be moved, and
//! Postgres (`park_now()`) and every other process move with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Unit};
use tokio::sync::watch;

/// Tells the time. Clones share one offset.
#[derive(Clone, Debug)]
pub struct Clock {
    movable: Option<Arc<Movable>>,
}

#[derive(Debug, Default)]
struct Movable {
    /// Milliseconds that it stands ahead of the system's clock.
    offset_ms: AtomicI64,
    /// When it was last moved.
    moved: watch::Sender<Option<Instant>>,
}

/// What becomes of a clock from now on.
#[derive(Debug)]
pub struct Moves(Option<watch::Receiver<Option<Instant>>>);

impl Clock {
    /// The system's clock, which nobody can move.
    pub fn system() -> Self {
        Self { movable: None }
    }

    /// A clock that starts at the system's time and can be moved: development and tests only.
    pub fn movable() -> Self {
        Self { movable: Some(Arc::default()) }
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
        self.movable.is_some()
    }

    /// Its moves from now on.
    pub fn moves(&self) -> Moves {
        Moves(self.movable.as_ref().map(|movable| movable.moved.subscribe()))
    }

    /// Whether it was moved at most this long ago.
    pub fn was_moved_within(&self, past: Duration) -> bool {
        let moved = self.movable.as_ref().and_then(|movable| *movable.moved.borrow());
        moved.is_some_and(|moved| moved.elapsed() <= past)
    }

    /// Milliseconds that it stands ahead of the system's clock.
    pub fn offset_ms(&self) -> i64 {
        self.movable.as_ref().map_or(0, |movable| movable.offset_ms.load(Ordering::SeqCst))
    }

    /// Puts it this many milliseconds ahead of the system's clock. A clock that cannot be moved stays.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        if let Some(movable) = &self.movable {
            movable.moved.send_if_modified(|moved| {
                let is_moved = movable.offset_ms.swap(offset_ms, Ordering::SeqCst) != offset_ms;
                if is_moved {
                    *moved = Some(Instant::now());
                }
                is_moved
            });
        }
    }

    /// Moves it forward, or back by a negative duration. A clock that cannot be moved stays.
    pub fn advance(&self, by: SignedDuration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.set_offset_ms(self.offset_ms().saturating_add(by_ms));
    }
}

impl Moves {
    /// Waits until the clock has been moved, since this was asked before; for ever with one that cannot be.
    pub async fn next(&mut self) {
        let Self(Some(moves)) = self else { return std::future::pending().await };
        if moves.changed().await.is_err() {
            // The clock is gone.
            std::future::pending().await
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

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
    fn it_remembers_when_it_was_moved_and_not_that_it_was_told_the_same_again() {
        let clock = Clock::movable();
        clock.set_offset_ms(0);
        assert!(!clock.was_moved_within(Duration::MAX));
        clock.set_offset_ms(5);
        assert!(clock.was_moved_within(Duration::MAX));
        std::thread::sleep(Duration::from_millis(2));
        clock.set_offset_ms(5);
        assert!(!clock.was_moved_within(Duration::from_millis(1)));
    }

    #[tokio::test]
    async fn a_move_is_told_once_also_to_who_asks_afterwards() {
        let clock = Clock::movable();
        let (mut moves, mut others) = (clock.moves(), clock.moves());
        assert!(moves.next().now_or_never().is_none());
        clock.advance(SignedDuration::from_secs(1));
        clock.clone().advance(SignedDuration::from_secs(1));
        moves.next().await;
        assert!(moves.next().now_or_never().is_none());
        others.next().await;
        assert!(clock.moves().next().now_or_never().is_none(), "it was moved before");
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        let clock = Clock::system();
        assert!(clock.moves().next().now_or_never().is_none());
        clock.advance(SignedDuration::from_hours(2));
        clock.set_offset_ms(5);
        assert_eq!(clock.offset_ms(), 0);
    }

    #[test]
    fn time_is_cut_to_the_microsecond() {
        assert_eq!(Clock::system().now().subsec_nanosecond() % 1_000, 0);
    }
}
