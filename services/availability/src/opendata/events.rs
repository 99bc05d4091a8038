//! What cars did on the spots lately, as the sensors' facts told: a bounded memory of this replica. Pure.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// Events that are remembered.
const EVENTS_MAX: usize = 50_000;
/// And for how long.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(26);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A car came.
    ParkStart,
    /// It left.
    ParkEnd,
    /// The sensor fell silent.
    Lost,
    /// It was heard again.
    Restored,
}

/// An event on a spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The fact's id.
    pub event_id: String,
    /// What.
    pub kind: Kind,
    /// The lot.
    pub lot_id: String,
    /// The spot.
    pub spot_id: String,
    /// Since when, as the sensor dates it.
    pub time: Timestamp,
    /// When the fact was told.
    pub told: Timestamp,
}

/// A car's time on a spot; without a beginning or an end where that is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it came.
    pub start: Option<Timestamp>,
    /// When it left.
    pub end: Option<Timestamp>,
}

/// All that is remembered.
#[derive(Clone, Debug, Default)]
pub struct Log {
    events: VecDeque<Event>,
    /// From when on nothing is missing.
    since: Option<Timestamp>,
}

impl Log {
    /// Remembers an event; one that is delivered again is known already.
    pub fn note(&mut self, event: Event) {
        let recent = self.events.iter().rev().take(64);
        if recent.into_iter().any(|known| known.event_id == event.event_id) {
            return;
        }
        self.since.get_or_insert(event.told);
        self.events.push_back(event);
        while let (Some(first), Some(last)) = (self.events.front(), self.events.back()) {
            let old = last.told.duration_since(first.told) > AGE_MAX;
            if !old && self.events.len() <= EVENTS_MAX {
                break;
            }
            self.events.pop_front();
            self.since = self.events.front().map(|event| event.told);
        }
    }

    /// Something may be missing: begins anew.
    pub fn forget(&mut self) {
        self.events.clear();
        self.since = None;
    }

    /// From when on nothing is missing.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// All events, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().rev()
    }

    /// The sessions of every spot of a lot in which something happened.
    pub fn sessions(&self, lot_id: &str) -> BTreeMap<&str, Vec<Session>> {
        let mut sessions: BTreeMap<&str, Vec<Session>> = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.lot_id == lot_id) {
            let of_spot = sessions.entry(event.spot_id.as_str()).or_default();
            match event.kind {
                Kind::ParkStart => of_spot.push(Session { start: Some(event.told), end: None }),
                Kind::ParkEnd => match of_spot.last_mut().filter(|last| last.end.is_none()) {
                    Some(open) => open.end = Some(event.told),
                    None => of_spot.push(Session { start: None, end: Some(event.told) }),
                },
                Kind::Lost | Kind::Restored => {}
            }
        }
        sessions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).expect("in range")
    }

    fn event(minute: i64, spot: &str, kind: Kind) -> Event {
        Event {
            event_id: format!("{minute}-{spot}"),
            kind,
            lot_id: "lot".to_owned(),
            spot_id: spot.to_owned(),
            time: at(minute),
            told: at(minute),
        }
    }

    #[test]
    fn cars_that_came_before_and_cars_that_are_there_still_have_half_a_session() {
        let mut log = Log::default();
        log.note(event(1, "a", Kind::ParkEnd));
        log.note(event(5, "a", Kind::ParkStart));
        log.note(event(5, "a", Kind::ParkStart));
        log.note(event(9, "a", Kind::ParkEnd));
        log.note(event(12, "b", Kind::ParkStart));
        let sessions = log.sessions("lot");
        let session = |start: Option<i64>, end: Option<i64>| Session {
            start: start.map(at),
            end: end.map(at),
        };
        assert_eq!(sessions["a"], [session(None, Some(1)), session(Some(5), Some(9))]);
        assert_eq!(sessions["b"], [session(Some(12), None)]);
        assert!(log.sessions("another").is_empty());
    }

    #[test]
    fn what_is_older_than_a_day_is_forgotten_and_that_is_known() {
        let mut log = Log::default();
        log.note(event(0, "a", Kind::ParkStart));
        log.note(event(27 * 60, "a", Kind::ParkEnd));
        assert_eq!((log.newest().count(), log.since()), (1, Some(at(27 * 60))));
        log.forget();
        assert_eq!((log.newest().count(), log.since()), (0, None));
    }
}
