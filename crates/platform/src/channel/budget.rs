//! How much may be repeated: a tenth of the calls, and a few in a row. Without a budget every layer's
//! retries multiply just when the next service is already down.

use std::sync::atomic::{AtomicI64, Ordering};

/// What one call earns, and what one repetition costs.
const EARNED_PER_CALL: i64 = 1;
const COST_PER_RETRY: i64 = 10;
/// Retries that may be saved up.
const SAVED_MAX: i64 = 20 * COST_PER_RETRY;

/// The budget of one channel.
#[derive(Debug)]
pub struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(SAVED_MAX))
    }
}

impl Budget {
    /// A call was made.
    pub fn earn(&self) {
        let saved = self.0.fetch_add(EARNED_PER_CALL, Ordering::Relaxed);
        if saved >= SAVED_MAX {
            self.0.fetch_sub(EARNED_PER_CALL, Ordering::Relaxed);
        }
    }

    /// Whether one more repetition is allowed; takes it if so.
    pub fn spend(&self) -> bool {
        let saved = self.0.fetch_sub(COST_PER_RETRY, Ordering::Relaxed);
        let allowed = saved >= COST_PER_RETRY;
        if !allowed {
            self.0.fetch_add(COST_PER_RETRY, Ordering::Relaxed);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_calls_may_be_repeated_once_the_savings_are_spent() {
        let budget = Budget::default();
        let saved = (0..100).filter(|_| budget.spend()).count();
        assert_eq!(saved, 20);
        for _ in 0..100 {
            budget.earn();
        }
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10);
    }
}
