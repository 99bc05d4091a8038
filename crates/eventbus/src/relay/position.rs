//! Has a stream lost what it acknowledged? Pure: compares what we were told with what it is now.

use crate::bus::StreamState;

/// How far a stream had come when it last acknowledged us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Names the stream's incarnation.
    pub created_ns: i64,
    /// Highest sequence acknowledged to us.
    pub last_sequence: u64,
}

/// Facts above this sequence are not in the stream any more, if any.
pub(super) fn lost_above(known: Position, is: StreamState) -> Option<u64> {
    if known.created_ns != is.created_ns {
        Some(0)
    } else if is.last_sequence < known.last_sequence {
        Some(is.last_sequence)
    } else {
        None
    }
}

/// The same, told by an acknowledgement: a stream that gives out a sequence which it had already
/// given to us has lost everything from there on.
pub(super) fn lost_from(known: Position, first_new_sequence: u64) -> Option<u64> {
    (first_new_sequence <= known.last_sequence).then(|| first_new_sequence - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Position = Position { created_ns: 1, last_sequence: 10 };

    fn state(created_ns: i64, last_sequence: u64) -> StreamState {
        StreamState { created_ns, first_sequence: 1, last_sequence }
    }

    #[test]
    fn a_stream_that_only_grew_has_lost_nothing() {
        assert_eq!(lost_above(KNOWN, state(1, 10)), None);
        assert_eq!(lost_above(KNOWN, state(1, 25)), None);
        assert_eq!(lost_from(KNOWN, 11), None);
    }

    #[test]
    fn a_stream_that_ends_earlier_has_lost_its_tail() {
        assert_eq!(lost_above(KNOWN, state(1, 7)), Some(7));
        assert_eq!(lost_from(KNOWN, 8), Some(7));
    }

    #[test]
    fn a_stream_made_anew_has_lost_everything_even_when_it_is_longer() {
        assert_eq!(lost_above(KNOWN, state(2, 500)), Some(0));
    }
}
