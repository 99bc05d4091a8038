//! Promises of capacity: bookings of a pool whose spot is still to be given. They take a place of their type away, and no spot on the
//! map: which spot it will be, nobody knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::ids::BookingId;
use parkmesh_contracts::window::Window;

use super::search::peaks::Peaks;
use super::spot::LiveWindow;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Promise {
    spot_type: SpotType,
    live: LiveWindow,
    /// It keeps a place away now.
    open: bool,
    /// It is counted among those of its time.
    counted: bool,
    /// When `open` will change by time alone.
    due: Option<Timestamp>,
}

/// Those of one lot.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    all: HashMap<BookingId, Promise>,
    open: BTreeMap<SpotType, u32>,
    due: BTreeSet<(Timestamp, BookingId)>,
    peaks: BTreeMap<SpotType, Peaks>,
}

impl Promises {
    /// How many places of a type are promised now.
    #[must_use]
    pub fn open(&self, spot_type: SpotType) -> u32 {
        self.open.get(&spot_type).copied().unwrap_or_default()
    }

    /// The most of a type that meet at any one instant of a window.
    #[must_use]
    pub fn most(&self, spot_type: SpotType, window: Window) -> u32 {
        self.peaks.get(&spot_type).map_or(0, |peaks| peaks.most(window))
    }

    /// Bytes that searching takes, about.
    #[must_use]
    pub fn search_bytes(&self) -> usize {
        self.peaks.values().map(Peaks::bytes).sum()
    }

    /// The next instant at which time alone changes a number.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes one in, in place of an older word on the same booking. True if a number changed.
    pub fn put(&mut self, spot_type: SpotType, live: LiveWindow, look: Look) -> bool {
        let before = self.take(live.booking_id);
        let promise = Promise { spot_type, live, open: false, counted: false, due: None };
        let after = self.keep(promise, look);
        before != after
    }

    /// Takes one out. True if a number changed.
    pub fn end(&mut self, booking_id: BookingId) -> bool {
        self.take(booking_id).is_some()
    }

    /// Looks at those whose instant has come. True if a number changed.
    pub fn tick(&mut self, look: Look) -> bool {
        let mut changed = false;
        while let Some((_, booking_id)) = self.due.first().copied().filter(|due| due.0 <= look.now)
        {
            changed |= self.look(booking_id, look);
        }
        changed
    }

    /// Looks at all of them. True if a number changed.
    pub fn look_again(&mut self, look: Look) -> bool {
        let all: Vec<BookingId> = self.all.keys().copied().collect();
        all.into_iter().filter(|booking_id| self.look(*booking_id, look)).count() > 0
    }

    /// Whether a promise is known just so.
    #[must_use]
    pub fn has(&self, spot_type: SpotType, live: &LiveWindow) -> bool {
        let known = self.all.get(&live.booking_id);
        known.is_some_and(|known| known.spot_type == spot_type && known.live == *live)
    }

    fn look(&mut self, booking_id: BookingId, look: Look) -> bool {
        let Some(known) = self.all.get(&booking_id).copied() else { return false };
        self.put(known.spot_type, known.live, look)
    }

    /// The type of which it kept a place away.
    fn take(&mut self, booking_id: BookingId) -> Option<SpotType> {
        let known = self.all.remove(&booking_id)?;
        if let Some(at) = known.due {
            self.due.remove(&(at, booking_id));
        }
        if known.counted {
            self.peaks.entry(known.spot_type).or_default().put(known.live.span(), false);
        }
        if !known.open {
            return None;
        }
        if let Some(count) = self.open.get_mut(&known.spot_type) {
            *count = count.saturating_sub(1);
        }
        Some(known.spot_type)
    }

    fn keep(&mut self, promise: Promise, Look { now, early_arrival }: Look) -> Option<SpotType> {
        let (from, until) = promise.live.reach(early_arrival);
        let open = from <= now && until.is_none_or(|until| now < until);
        let due = [Some(from), until].into_iter().flatten().filter(|at| *at > now).min();
        if let Some(at) = due {
            self.due.insert((at, promise.live.booking_id));
        }
        let counted = promise.live.keeps_at(now);
        if counted {
            self.peaks.entry(promise.spot_type).or_default().put(promise.live.span(), true);
        }
        self.all.insert(promise.live.booking_id, Promise { open, counted, due, ..promise });
        if !open {
            return None;
        }
        *self.open.entry(promise.spot_type).or_default() += 1;
        Some(promise.spot_type)
    }
}

/// When a look is taken, and how long before its start a window keeps others away.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Now.
    pub now: Timestamp,
    /// Of the lot.
    pub early_arrival: SignedDuration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::spot::Phase;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(60 * 24 + minute)
    }

    fn look(minute: i64) -> Look {
        Look { now: at(minute), early_arrival: SignedDuration::from_mins(15) }
    }

    fn live(booking: u128, start: i64, phase: Phase) -> LiveWindow {
        LiveWindow {
            booking_id: Uuid::from_u128(booking).into(),
            version: 1,
            window: Window::try_new(at(start), at(start + 60)).expect("a window"),
            turnaround_seconds: 0,
            phase,
        }
    }

    #[test]
    fn a_promise_counts_from_the_early_arrival_time_to_its_end() {
        let mut promises = Promises::default();
        assert!(!promises.put(SpotType::Ev, live(1, 60, Phase::Reserved), look(0)));
        assert_eq!(promises.next_due(), Some(at(45)));
        assert!(!promises.tick(look(44)));
        assert!(promises.tick(look(45)));
        assert_eq!((promises.open(SpotType::Ev), promises.open(SpotType::Regular)), (1, 0));
        assert!(promises.tick(look(120)));
        assert_eq!((promises.open(SpotType::Ev), promises.next_due()), (0, None));
    }

    #[test]
    fn a_lapsed_hold_is_no_promise_and_an_ended_booking_neither() {
        let mut promises = Promises::default();
        promises.put(SpotType::Ev, live(1, 0, Phase::Held { until: at(10) }), look(0));
        promises.put(SpotType::Ev, live(2, 0, Phase::Reserved), look(0));
        assert_eq!(promises.open(SpotType::Ev), 2);
        assert!(promises.tick(look(10)));
        assert_eq!(promises.open(SpotType::Ev), 1);
        assert!(promises.end(Uuid::from_u128(2).into()));
        assert!(!promises.end(Uuid::from_u128(2).into()));
        assert_eq!(promises.open(SpotType::Ev), 0);
    }

    proptest! {
        #[test]
        fn numbers_always_equal_a_recount(
            steps in proptest::collection::vec((0_u8..3, 1_u128..5, 0_i64..200, 0_i64..20), 1..60)
        ) {
            let (mut promises, mut now) = (Promises::default(), 0);
            let mut known: HashMap<u128, LiveWindow> = HashMap::new();
            for (act, booking, start, passes) in steps {
                now += passes;
                match act {
                    0 => {
                        promises.end(Uuid::from_u128(booking).into());
                        known.remove(&booking);
                    }
                    1 => {
                        let held = live(booking, start, Phase::Held { until: at(start + 5) });
                        promises.put(SpotType::Ev, held, look(now));
                        known.insert(booking, held);
                    }
                    _ => {
                        let reserved = live(booking, start, Phase::Reserved);
                        promises.put(SpotType::Ev, reserved, look(now));
                        known.insert(booking, reserved);
                    }
                }
                promises.tick(look(now));
                let open = known.values().filter(|live| {
                    let (from, until) = live.reach(look(now).early_arrival);
                    from <= at(now) && until.is_none_or(|until| at(now) < until)
                });
                prop_assert_eq!(promises.open(SpotType::Ev) as usize, open.count());
            }
        }
    }
}
