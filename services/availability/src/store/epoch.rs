//! Epochs: which filling of Redis is trusted.

use std::fmt;

use uuid::Uuid;

/// One filling of Redis. Later ones sort after earlier ones, as texts too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(String);

impl Epoch {
    /// A new filling from these incarnations of the streams. Positions in it mean nothing in other
    /// incarnations.
    #[must_use]
    pub fn new(id: Uuid, streams: Streams) -> Self {
        Self(format!("{id}/{streams}"))
    }

    /// What stands in Redis. Text that nobody of us wrote is an epoch of no streams, so that it is
    /// not trusted.
    #[must_use]
    pub fn read(text: String) -> Self {
        Self(text)
    }

    /// Whether its positions are of these streams.
    #[must_use]
    pub fn is_of(&self, streams: Streams) -> bool {
        self.0.split_once('/').is_some_and(|(_, text)| text == streams.to_string())
    }

    /// As it stands in Redis.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When BOOKING and SENSOR were created, nanoseconds since 1970: the names of their incarnations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Of BOOKING.
    pub booking: i64,
    /// Of SENSOR.
    pub sensor: i64,
}

impl fmt::Display for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.booking, self.sensor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_of_the_streams_that_it_was_made_from_and_a_later_id_sorts_after() {
        let streams = Streams { booking: 1, sensor: 2 };
        let early = Epoch::new(Uuid::from_u128(1), streams);
        let late = Epoch::new(Uuid::from_u128(2), Streams { booking: 1, sensor: 3 });
        assert!(early.is_of(streams) && !late.is_of(streams));
        assert!(early < late);
        assert!(!Epoch::read("nonsense".to_owned()).is_of(Streams::default()));
    }
}
