//! Chance, through one door: ids that sort by time, random bytes, jitter.

use rand::RngExt;
use uuid::Uuid;

/// Makes ids. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ids(());

impl Ids {
    /// Ids from the system's randomness.
    pub fn random() -> Self {
        Self(())
    }

    /// A new UUIDv7 in the type that is wanted: `ids.next::<BookingId>()`.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn next<T: From<Uuid>>(&self) -> T {
        T::from(Uuid::now_v7())
    }

    /// Random bytes, good for keys.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for chance")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        rand::rng().random()
    }

    /// A number from 0 to just below 1, for jitter and choices among equals.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for chance")]
    pub fn fraction(&self) -> f64 {
        rand::rng().random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend() {
        let ids = Ids::random();
        let made: Vec<Uuid> = (0..100).map(|_| ids.next()).collect();
        assert!(made.is_sorted());
    }

    #[test]
    fn fractions_stay_below_one() {
        assert!((0..100).all(|_| (0.0..1.0).contains(&Ids::random().fraction())));
    }
}
