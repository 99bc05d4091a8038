//! The changes that are about to settle: what the writer sleeps towards.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

/// When a pending change settles, and the device that told of it.
pub type Settling = (Timestamp, String);

/// The pending changes that were told, each once. Only hints: the rows are the truth, and those that nobody was told of
/// are looked for again and again.
#[derive(Debug, Default)]
pub struct Due {
    told: Mutex<BTreeSet<Settling>>,
    earlier: Notify,
}

impl Due {
    /// These will settle.
    pub fn tell(&self, pending: impl IntoIterator<Item = Settling>) {
        let mut told = self.told();
        let first = told.first().map(|(time, _)| *time);
        told.extend(pending);
        if told.first().map(|(time, _)| *time) != first {
            self.earlier.notify_one();
        }
    }

    /// The earliest time told that is not taken.
    pub fn next(&self) -> Option<Timestamp> {
        self.told().first().map(|(time, _)| *time)
    }

    /// Takes those whose time has come by now, the earliest first and so many at most: their devices.
    pub fn take(&self, now: Timestamp, most: usize) -> Vec<String> {
        let mut told = self.told();
        let mut taken = Vec::new();
        while taken.len() < most && told.first().is_some_and(|(time, _)| *time <= now) {
            taken.extend(told.pop_first().map(|(_, device_id)| device_id));
        }
        taken
    }

    /// Waits until an earlier time is told.
    pub async fn earlier(&self) {
        self.earlier.notified().await;
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<Settling>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microsecond: i64) -> Timestamp {
        Timestamp::from_microsecond(microsecond).expect("in range")
    }

    fn pending(microsecond: i64) -> Settling {
        (at(microsecond), format!("device-{microsecond}"))
    }

    #[tokio::test]
    async fn only_an_earlier_time_wakes() {
        let due = Due::default();
        assert_eq!(due.next(), None);
        due.tell([pending(500)]);
        due.earlier().await;
        due.tell([pending(900), pending(700), (at(500), "another".to_owned())]);
        assert_eq!(due.next(), Some(at(500)));
        let woken = tokio::time::timeout(std::time::Duration::from_millis(5), due.earlier()).await;
        assert!(woken.is_err(), "later ones do not");
    }

    #[test]
    fn what_has_come_is_taken_and_the_rest_stays() {
        let due = Due::default();
        due.tell([500, 900, 700, 500, 600].map(pending));
        assert_eq!(due.take(at(700), 2), ["device-500", "device-600"]);
        assert_eq!(due.take(at(700), 2), ["device-700"]);
        assert_eq!((due.take(at(899), 2), due.next()), (Vec::new(), Some(at(900))));
        assert_eq!((due.take(at(900), 2).len(), due.next()), (1, None));
    }
}
