//! Which batches of one stream may be acknowledged: all below which none is missing.

use std::collections::BTreeSet;

/// Batches that may be durable out of order before the stream is refused: more than any client has
/// in flight.
pub const AHEAD_MAX: usize = 1_024;

/// Counts the durable batches of one stream.
#[derive(Debug, Default)]
pub struct Acks {
    durable: u64,
    ahead: BTreeSet<u64>,
}

/// The client left a gap in the numbers and went on and on.
#[derive(Debug, PartialEq, Eq)]
pub struct GapTooWide;

impl Acks {
    /// Notes that this batch is durable and says up to which number all are.
    ///
    /// # Errors
    /// When too many batches wait for a missing one.
    pub fn done(&mut self, batch: u64) -> Result<u64, GapTooWide> {
        if batch > self.durable {
            self.ahead.insert(batch);
        }
        while self.ahead.remove(&(self.durable + 1)) {
            self.durable += 1;
        }
        if self.ahead.len() > AHEAD_MAX { Err(GapTooWide) } else { Ok(self.durable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_above_a_missing_batch_is_acknowledged() {
        let mut acks = Acks::default();
        assert_eq!(acks.done(2), Ok(0));
        assert_eq!(acks.done(4), Ok(0));
        assert_eq!(acks.done(1), Ok(2));
        assert_eq!(acks.done(1), Ok(2), "sent again");
        assert_eq!(acks.done(3), Ok(4));
    }

    #[test]
    fn an_endless_gap_is_refused() {
        let mut acks = Acks::default();
        let last = u64::try_from(AHEAD_MAX).expect("small") + 2;
        assert!((2..last).all(|batch| acks.done(batch) == Ok(0)));
        assert_eq!(acks.done(last), Err(GapTooWide));
    }
}
