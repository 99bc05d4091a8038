//! How fresh the picture is: as fresh as the older of its two feeds.
//!
//! A feed is as fresh as its last look at the end of the stream that has been reached since: a look
//! says "the stream ends at N now", and once fact N is applied, the picture is as of that look. So
//! an idle stream is fresh, and a long queue of facts is not.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A feed that has not reached any end for this long is behind.
pub const MAX_BEHIND: Duration = Duration::from_secs(15);

/// Who feeds the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    /// Inventory and bookings.
    Booking,
    /// The ground.
    Sensor,
}

impl Feed {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Booking, Self::Sensor];

    /// The stream of its facts.
    #[must_use]
    pub fn stream(self) -> &'static str {
        match self {
            Self::Booking => "BOOKING",
            Self::Sensor => "SENSOR",
        }
    }
}

/// A look at the end of a stream that has not been reached yet.
#[derive(Clone, Copy, Debug)]
struct Look {
    sequence: u64,
    now: Timestamp,
    at: Instant,
}

/// One feed.
#[derive(Clone, Copy, Debug, Default)]
struct FeedState {
    /// The last fact, or the snapshot, that has been applied.
    position: u64,
    /// Incarnation of the stream.
    created_ns: Option<i64>,
    look: Option<Look>,
    as_of: Option<Timestamp>,
    /// When `as_of` was the present: real time, since a moved clock makes nothing stale.
    reached_at: Option<Instant>,
    /// A snapshot stands, and no gap was told since.
    whole: bool,
    /// A snapshot stood at least once.
    stood: bool,
}

impl FeedState {
    fn is_fresh(&self, at: Instant) -> bool {
        self.whole && self.reached_at.is_some_and(|then| at.duration_since(then) <= MAX_BEHIND)
    }
}

/// Both feeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Feeds {
    booking: FeedState,
    sensor: FeedState,
    /// What was told once is never taken back.
    as_of_min: Option<Timestamp>,
}

impl Feeds {
    fn feed(&self, feed: Feed) -> &FeedState {
        match feed {
            Feed::Booking => &self.booking,
            Feed::Sensor => &self.sensor,
        }
    }

    fn feed_mut(&mut self, feed: Feed) -> &mut FeedState {
        match feed {
            Feed::Booking => &mut self.booking,
            Feed::Sensor => &mut self.sensor,
        }
    }

    /// Somebody looked at the end of the stream: it ends at `sequence`. A look that waits to be
    /// reached is kept instead: under a steady flow of facts the newest end is always a little
    /// ahead.
    pub fn look(&mut self, feed: Feed, sequence: u64, now: Timestamp, at: Instant) {
        let state = self.feed_mut(feed);
        state.look.get_or_insert(Look { sequence, now, at });
        state.settle();
    }

    /// Everything up to `position` has been applied.
    pub fn reach(&mut self, feed: Feed, position: u64) {
        let state = self.feed_mut(feed);
        state.position = state.position.max(position);
        state.settle();
    }

    /// Facts may be missing: the picture is not whole until a snapshot stands again. Positions
    /// begin anew, with this incarnation of the stream.
    pub fn lose(&mut self, feed: Feed) {
        let state = self.feed_mut(feed);
        state.whole = false;
        state.position = 0;
        state.look = None;
    }

    /// This incarnation of the stream is followed. Returns the one before.
    pub fn is_now(&mut self, feed: Feed, created_ns: i64) -> Option<i64> {
        self.feed_mut(feed).created_ns.replace(created_ns)
    }

    /// A snapshot of this position was applied. It was begun at `now`.
    pub fn stand(&mut self, feed: Feed, position: u64, now: Timestamp, at: Instant) {
        let state = self.feed_mut(feed);
        state.whole = true;
        state.stood = true;
        state.as_of = state.as_of.max(Some(now));
        state.reached_at = state.reached_at.max(Some(at));
        self.reach(feed, position);
    }

    /// Answers out of what Redis held were given as of this instant.
    pub fn told(&mut self, as_of: Timestamp) {
        self.as_of_min = self.as_of_min.max(Some(as_of));
    }

    /// True once a snapshot of either has stood.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        self.booking.stood && self.sensor.stood
    }

    /// Whether a snapshot stands, and no gap was told since.
    #[must_use]
    pub fn is_whole(&self, feed: Feed) -> bool {
        self.feed(feed).whole
    }

    /// How far a feed has come.
    #[must_use]
    pub fn position(&self, feed: Feed) -> u64 {
        self.feed(feed).position
    }

    /// The incarnation of a feed's stream; 0 while it is not known.
    #[must_use]
    pub fn created_ns(&self, feed: Feed) -> i64 {
        self.feed(feed).created_ns.unwrap_or_default()
    }

    /// The instant that the picture shows, and whether it may be behind.
    #[must_use]
    pub fn freshness(&self, at: Instant) -> (Timestamp, bool) {
        let fresh = self.booking.is_fresh(at) && self.sensor.is_fresh(at);
        let as_of = match (self.booking.as_of, self.sensor.as_of) {
            (Some(booking), Some(sensor)) => Some(booking.min(sensor)),
            _ => None,
        };
        (as_of.max(self.as_of_min).unwrap_or(Timestamp::UNIX_EPOCH), !fresh)
    }
}

impl FeedState {
    fn settle(&mut self) {
        if !self.whole {
            return;
        }
        if let Some(look) = self.look.take_if(|look| look.sequence <= self.position) {
            // Never back: an answer's `as_of` only grows, even when the clock steps.
            self.as_of = self.as_of.max(Some(look.now));
            self.reached_at = self.reached_at.max(Some(look.at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    struct Scene {
        feeds: Feeds,
        start: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let start = Instant::now();
            Self { feeds: Feeds::default(), start }
        }

        fn at(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        fn stand(&mut self, feed: Feed, position: u64, second: u64) {
            let at = self.at(second);
            self.feeds.stand(feed, position, time(second), at);
        }

        fn look(&mut self, feed: Feed, sequence: u64, second: u64) {
            let at = self.at(second);
            self.feeds.look(feed, sequence, time(second), at);
        }

        fn freshness(&self, second: u64) -> (Timestamp, bool) {
            self.feeds.freshness(self.at(second))
        }
    }

    fn time(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(second).expect("small"))
    }

    #[test]
    fn the_picture_is_as_old_as_its_older_feed_and_stale_when_one_is_behind() {
        let mut scene = Scene::new();
        assert!(scene.freshness(0).1, "nothing stands");
        scene.stand(Feed::Booking, 5, 0);
        assert!(scene.freshness(0).1, "the other feed does not stand");
        scene.stand(Feed::Sensor, 7, 3);
        assert_eq!(scene.freshness(4), (time(0), false));
        assert!(scene.freshness(16).1, "nobody has looked for 16 s");
        scene.look(Feed::Booking, 5, 16);
        assert_eq!(scene.freshness(17), (time(3), false));
    }

    #[test]
    fn a_queue_of_facts_that_is_not_worked_off_makes_it_stale_and_its_end_fresh_again() {
        let mut scene = Scene::new();
        scene.stand(Feed::Booking, 5, 0);
        scene.stand(Feed::Sensor, 7, 0);
        scene.look(Feed::Sensor, 7, 20);
        scene.look(Feed::Booking, 9, 10);
        scene.look(Feed::Booking, 12, 20);
        scene.feeds.reach(Feed::Booking, 8);
        assert_eq!(scene.freshness(20), (time(0), true));
        scene.feeds.reach(Feed::Booking, 9);
        assert_eq!(scene.freshness(20), (time(10), false), "the first look was reached");
    }

    #[test]
    fn a_gap_is_stale_until_the_next_snapshot() {
        let mut scene = Scene::new();
        scene.stand(Feed::Booking, 5, 0);
        scene.stand(Feed::Sensor, 7, 0);
        scene.feeds.lose(Feed::Booking);
        scene.look(Feed::Booking, 0, 1);
        assert_eq!(scene.freshness(1), (time(0), true));
        scene.stand(Feed::Booking, 2, 2);
        assert!(!scene.freshness(2).1);
        assert_eq!(scene.feeds.position(Feed::Booking), 2, "positions began anew");
    }

    #[test]
    fn as_of_never_goes_back() {
        let mut scene = Scene::new();
        scene.feeds.told(time(100));
        scene.stand(Feed::Booking, 1, 90);
        scene.stand(Feed::Sensor, 1, 90);
        assert_eq!(scene.freshness(90).0, time(100));
        scene.stand(Feed::Booking, 1, 120);
        scene.stand(Feed::Sensor, 1, 130);
        scene.stand(Feed::Booking, 1, 60);
        assert_eq!(scene.freshness(130).0, time(120));
    }
}
