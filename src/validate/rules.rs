//! What the generated checks are made of, where a comparison does not say it.

pub use std::ops::Bound;
use std::ops::RangeBounds as _;

/// Longest e-mail address, in bytes (RFC 5321 allows 64 + 1 + 255, less the brackets of a path).
const MAX_EMAIL_BYTES: usize = 254;
/// Longest part before the `@`, in bytes.
const MAX_LOCAL_BYTES: usize = 64;
/// Longest label of a domain, in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// Whether `value` is inside the bounds. NaN is inside of none.
pub fn within<T: PartialOrd>(value: &T, low: Bound<T>, high: Bound<T>) -> bool {
    (low, high).contains(value)
}

/// Number of Unicode scalar values.
pub fn chars(text: &str) -> usize {
    text.chars().count()
}

/// Whether the text is a UUID in its hyphenated form, in either case.
pub fn is_uuid(text: &str) -> bool {
    crate::ids::parse_uuid(text).is_some()
}

/// Whether the text has the form of an e-mail address, as browsers check it: no comments, no quoted parts.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let is_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_EMAIL_BYTES
        && (1..=MAX_LOCAL_BYTES).contains(&local.len())
        && local.bytes().all(is_local)
        && domain.split('.').all(is_label)
}

/// Whether no item stands twice.
pub fn is_unique<T: Ord>(items: &[T]) -> bool {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

/// A duration in nanoseconds; no duration of a message overflows this.
pub fn nanos(duration: &prost_types::Duration) -> i128 {
    const NANOS_PER_SECOND: i128 = 1_000_000_000;
    i128::from(duration.seconds) * NANOS_PER_SECOND + i128::from(duration.nanos)
}
