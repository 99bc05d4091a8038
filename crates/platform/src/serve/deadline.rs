//! Deadlines: read from `grpc-timeout`, bounded by the method table, passed on with what remains.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use parkmesh_contracts::methods::Method;
use tokio::time::Instant;

/// The header by which a deadline travels.
pub const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The specification allows eight digits.
const DIGITS_MAX: usize = 8;
const VALUE_LIMIT: u128 = 100_000_000;

/// Units from the finest to the coarsest, with their length in nanoseconds.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// The instant, on this machine's monotonic clock, after which nobody waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When.
    pub at: Instant,
}

impl Deadline {
    /// The deadline that is this far away.
    pub fn after(duration: Duration) -> Self {
        Self { at: now() + duration }
    }

    /// The deadline of an incoming call: what the client asks for, at most what the table allows. The
    /// table's 0 stands on server streams, which live as long as the client wants.
    pub fn of_request(headers: &HeaderMap, method: &Method) -> Option<Self> {
        of_request(headers, method)
    }

    /// What is left of it, as `grpc-timeout` says it.
    pub fn header(self) -> HeaderValue {
        format(self.remaining())
    }

    /// What is left of it; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(now())
    }
}

/// Monotonic now. Deadlines are about people and processes that wait in real time, so the movable
/// clock has no say here.
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(super) fn of_request(headers: &HeaderMap, method: &Method) -> Option<Deadline> {
    let asked = headers.get(GRPC_TIMEOUT).and_then(parse);
    let allowed = default_of(method);
    let timeout = match (asked, allowed) {
        (Some(asked), Some(allowed)) => Some(asked.min(allowed)),
        (one, other) => one.or(other),
    };
    timeout.map(Deadline::after)
}

/// The table's deadline of a method, if it has one.
pub(crate) fn default_of(method: &Method) -> Option<Duration> {
    (method.deadline_ms > 0).then(|| Duration::from_millis(u64::from(method.deadline_ms)))
}

/// Reads a `grpc-timeout`; a malformed one counts as none.
pub(crate) fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'n' => Some(Duration::from_nanos(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'S' => Some(Duration::from_secs(count)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'H' => Some(Duration::from_secs(count * 3_600)),
        _ => None,
    }
}

/// Writes a `grpc-timeout` in the finest unit that eight digits can hold, rounded down.
pub(crate) fn format(timeout: Duration) -> HeaderValue {
    let nanos = timeout.as_nanos();
    let fitting = UNITS.into_iter().find(|(_, length)| nanos / length < VALUE_LIMIT);
    let text = match fitting {
        Some((unit, length)) => format!("{}{}", nanos / length, char::from(unit)),
        // Eleven thousand years: whatever is meant, it is the longest that can be said.
        None => "99999999H".to_owned(),
    };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_the_specification_is_read() {
        let cases = [
            ("1n", Duration::from_nanos(1)),
            ("20u", Duration::from_micros(20)),
            ("300m", Duration::from_millis(300)),
            ("4S", Duration::from_secs(4)),
            ("5M", Duration::from_secs(300)),
            ("6H", Duration::from_secs(21_600)),
            ("99999999H", Duration::from_secs(99_999_999 * 3_600)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(&HeaderValue::from_static(text)), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_malformed_timeout_counts_as_none() {
        for text in ["", "S", "1", "123456789S", "-1S", "1.5S", "1s", "1 S"] {
            assert_eq!(parse(&HeaderValue::from_static(text)), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_never_longer() {
        let timeouts = [0, 1, 999, 99_999_999, 100_000_000, 1_234_567_890_123, u64::MAX];
        for nanos in timeouts {
            let timeout = Duration::from_nanos(nanos);
            let written = format(timeout);
            let read = parse(&written).expect("our own format");
            assert!(read <= timeout, "{written:?}");
            assert!(
                timeout.as_secs_f64() - read.as_secs_f64() <= timeout.as_secs_f64() * 1e-6 + 1e-9
            );
        }
    }
}
