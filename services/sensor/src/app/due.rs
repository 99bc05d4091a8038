//! The times at which something settles: what the clockwork sleeps towards.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

/// The due times that were told, each once. Only hints: the rows are the truth, and are asked again and
/// again.
#[derive(Debug, Default)]
pub struct Due {
    times: Mutex<BTreeSet<Timestamp>>,
    earlier: Notify,
}

impl Due {
    /// Something settles at each of these times.
    pub fn tell(&self, times: impl IntoIterator<Item = Timestamp>) {
        let mut known = self.known();
        let first = known.first().copied();
        known.extend(times);
        if known.first().copied() != first {
            self.earlier.notify_one();
        }
    }

    /// The earliest time told that is not taken.
    pub fn next(&self) -> Option<Timestamp> {
        self.known().first().copied()
    }

    /// Forgets the times that have come by now, and says how many; whoever does asks the rows next.
    pub fn take(&self, now: Timestamp) -> usize {
        let mut known = self.known();
        let come = known.iter().take_while(|time| **time <= now).count();
        for _ in 0..come {
            known.pop_first();
        }
        come
    }

    /// Waits until an earlier time is told.
    pub async fn earlier(&self) {
        self.earlier.notified().await;
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<Timestamp>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microsecond: i64) -> Timestamp {
        Timestamp::from_microsecond(microsecond).expect("in range")
    }

    #[tokio::test]
    async fn only_an_earlier_time_wakes() {
        let due = Due::default();
        assert_eq!(due.next(), None);
        due.tell([at(500)]);
        due.earlier().await;
        due.tell([at(900), at(700)]);
        assert_eq!(due.next(), Some(at(500)));
        let woken = tokio::time::timeout(std::time::Duration::from_millis(5), due.earlier()).await;
        assert!(woken.is_err(), "later ones do not");
    }

    #[test]
    fn what_has_come_is_taken_and_the_rest_stays() {
        let due = Due::default();
        due.tell([at(500), at(900), at(700), at(500)]);
        assert_eq!((due.take(at(700)), due.next()), (2, Some(at(900))));
        assert_eq!((due.take(at(899)), due.next()), (0, Some(at(900))));
        assert_eq!((due.take(at(900)), due.next()), (1, None));
    }
}
