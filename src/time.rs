//! Instants between protos and the rest. Inside Parkmesh an instant is a [`jiff::Timestamp`]; local time is a matter of tariffs
//! and opening hours, which know the lot's zone.

use jiff::Timestamp;

/// A `google.protobuf.Timestamp` that is no instant we can keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The nanoseconds must count forward from the second.
    #[error("nanos must be between 0 and 999999999, not {0}")]
    Nanos(i32),
    /// Before the year 1 or near the end of the year 9999 and after.
    #[error("the time is out of range (seconds {0})")]
    OutOfRange(i64),
}

/// Nanoseconds in a microsecond.
const NANOS_PER_MICRO: i32 = 1_000;
/// Nanoseconds in a second.
const NANOS_PER_SECOND: i32 = 1_000_000_000;
/// First second of the year 1, where `google.protobuf.Timestamp` begins.
const MIN_SECONDS: i64 = -62_135_596_800;

/// The instant as protos write it. Exact.
pub fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    // Before 1970 jiff counts nanoseconds backwards from the second, protos always forward.
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    if nanos < 0 {
        prost_types::Timestamp { seconds: seconds - 1, nanos: nanos + NANOS_PER_SECOND }
    } else {
        prost_types::Timestamp { seconds, nanos }
    }
}

/// The instant that a proto means, cut to the microsecond: more than that Postgres does not keep, and an instant must stay the
/// same after it has been stored.
///
/// # Errors
/// When the nanoseconds or the seconds are out of range.
pub fn from_proto(time: &prost_types::Timestamp) -> Result<Timestamp, TimeError> {
    if !(0..NANOS_PER_SECOND).contains(&time.nanos) {
        return Err(TimeError::Nanos(time.nanos));
    }
    if time.seconds < MIN_SECONDS {
        return Err(TimeError::OutOfRange(time.seconds));
    }
    let nanos = time.nanos - time.nanos % NANOS_PER_MICRO;
    Timestamp::new(time.seconds, nanos).map_err(|_| TimeError::OutOfRange(time.seconds))
}
