//! A message on its way out of the house: when it is tried again, and when it is given up.

use jiff::{SignedDuration, Timestamp};

/// Waits after the first failures, in seconds; the last one for all further ones.
const BACKOFF_S: [i64; 8] = [1, 5, 15, 60, 180, 300, 600, 900];
/// For how long it is tried.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(72);

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has taken it.
    Delivered {
        /// What it said.
        status: i32,
    },
    /// Not now.
    Failed {
        /// What it said; 0: nothing.
        status: i32,
        /// Why, without an address.
        error: String,
    },
    /// Never.
    Refused {
        /// What it said; 0: nothing.
        status: i32,
        /// Why, without an address.
        error: String,
    },
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Delivered,
    /// It is tried again then.
    Again(Timestamp),
    /// It is given up.
    Failed,
}

impl Outcome {
    /// What the other side said.
    pub const fn status(&self) -> i32 {
        match self {
            Self::Delivered { status }
            | Self::Failed { status, .. }
            | Self::Refused { status, .. } => *status,
        }
    }

    /// Why it failed.
    pub fn error(&self) -> &str {
        match self {
            Self::Delivered { .. } => "",
            Self::Failed { error, .. } | Self::Refused { error, .. } => error,
        }
    }

    /// What becomes of a delivery that was begun then and has been tried so often. `fraction`, from 0 to just
    /// below 1, spreads those that failed together.
    pub fn next(&self, begun: Timestamp, attempts: u32, now: Timestamp, fraction: f64) -> Next {
        match self {
            Self::Delivered { .. } => Next::Delivered,
            Self::Refused { .. } => Next::Failed,
            Self::Failed { .. } => {
                let at = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
                let wait = BACKOFF_S.get(at).copied().unwrap_or(BACKOFF_S[BACKOFF_S.len() - 1]);
                let wait = SignedDuration::from_secs(wait).mul_f64(0.8 + 0.4 * fraction);
                let again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                let over = again.duration_since(begun) > TRIED_FOR;
                if over { Next::Failed } else { Next::Again(again) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_fails_is_tried_again_later_and_later_for_three_days() {
        let failed = Outcome::Failed { status: 503, error: "busy".to_owned() };
        let begun: Timestamp = "2026-11-20T13:00:00Z".parse().unwrap();
        let (mut now, mut attempts, mut last) = (begun, 0, SignedDuration::ZERO);
        loop {
            attempts += 1;
            match failed.next(begun, attempts, now, 0.5) {
                Next::Again(again) => {
                    let wait = again.duration_since(now);
                    assert!(wait >= last && wait <= SignedDuration::from_secs(900), "{wait}");
                    (now, last) = (again, wait);
                }
                Next::Failed => break,
                Next::Delivered => panic!("it never was"),
            }
        }
        assert!(now.duration_since(begun) > SignedDuration::from_hours(71), "{now}");
        assert!(attempts < 320, "{attempts}");
    }

    #[test]
    fn what_is_refused_is_not_tried_again() {
        let now = Timestamp::UNIX_EPOCH;
        let refused = Outcome::Refused { status: 550, error: String::new() };
        assert_eq!(refused.next(now, 1, now, 0.0), Next::Failed);
        assert_eq!(Outcome::Delivered { status: 250 }.next(now, 1, now, 0.0), Next::Delivered);
    }
}
