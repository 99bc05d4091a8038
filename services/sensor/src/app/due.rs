//! The next time at which something settles: what the clockwork sleeps towards.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use tokio::sync::Notify;

const NEVER: i64 = i64::MAX;

/// The earliest due time that was told. Only a hint: the rows are the truth, and are asked again
/// and again.
#[derive(Debug)]
pub struct Due {
    microsecond: AtomicI64,
    earlier: Notify,
}

impl Default for Due {
    fn default() -> Self {
        Self { microsecond: AtomicI64::new(NEVER), earlier: Notify::new() }
    }
}

impl Due {
    /// Something settles at this time.
    pub fn tell(&self, time: Timestamp) {
        let told = time.as_microsecond();
        if told < self.microsecond.fetch_min(told, Ordering::SeqCst) {
            self.earlier.notify_one();
        }
    }

    /// The earliest time told since the last [`Due::take`].
    pub fn next(&self) -> Option<Timestamp> {
        let next = self.microsecond.load(Ordering::SeqCst);
        (next != NEVER).then(|| Timestamp::from_microsecond(next).unwrap_or(Timestamp::MAX))
    }

    /// Forgets it; whoever does asks the rows next.
    pub fn take(&self) {
        self.microsecond.store(NEVER, Ordering::SeqCst);
    }

    /// Waits until an earlier time is told.
    pub async fn earlier(&self) {
        self.earlier.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_earlier_time_wakes() {
        let due = Due::default();
        assert_eq!(due.next(), None);
        due.tell(Timestamp::from_microsecond(500).expect("in range"));
        due.earlier().await;
        due.tell(Timestamp::from_microsecond(900).expect("in range"));
        assert_eq!(due.next().map(|next| next.as_microsecond()), Some(500));
        let woken = tokio::time::timeout(std::time::Duration::from_millis(5), due.earlier()).await;
        assert!(woken.is_err(), "a later one does not");
        due.take();
        assert_eq!(due.next(), None);
    }
}
