//! One spot as its sensor tells it: heard, settled, silent, heard again.

use jiff::{SignedDuration, Timestamp};

use super::model::Settle;
use super::order::{Heard, Mark, Order, advance, compare};

/// A sensor is silent after this many heartbeats without a word.
pub const HEARTBEATS_MISSED_MAX: i32 = 2;
/// Changes taken back before they settled, from which on a sensor is suspect.
pub const FLAPS_SUSPECT: i32 = 3;
/// While a sensor is of low confidence its changes must stand so many times as long.
pub const LOW_CONFIDENCE_FACTOR: i32 = 3;
/// A device counts the minutes of a state down to whole ones.
const PREVIOUS_ROUNDING: SignedDuration = SignedDuration::from_mins(1);
/// How long a flap is held against a sensor.
pub const FLAP_MEMORY: SignedDuration = SignedDuration::from_mins(10);

/// What stands on a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No car.
    Vacant,
    /// A car.
    Occupied,
    /// Nobody knows.
    Unknown,
}

impl State {
    fn of(occupied: bool) -> Self {
        if occupied { Self::Occupied } else { Self::Vacant }
    }
}

/// How far a sensor can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Heard in time.
    Ok,
    /// Not heard in time, or never.
    Silent,
    /// Heard, but it flaps, or says itself that it does not measure right.
    Suspect,
}

/// Why a sensor is suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// It takes its changes back.
    Flapping,
    /// It says so itself.
    Faulty,
}

/// A change that has not yet stood for its settle time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// To what.
    pub occupied: bool,
    /// Since when, by the device.
    pub change_time: Timestamp,
    /// When it was heard.
    pub receive_time: Timestamp,
    /// When it counts, if nothing contradicts.
    pub settle_time: Timestamp,
}

/// All that moves about one sensor and its spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// Newest reading; None before the first.
    pub mark: Option<Mark>,
    /// Percent, as last told.
    pub battery_percent: Option<i16>,
    /// What stands there.
    pub state: State,
    /// Since when.
    pub change_time: Timestamp,
    /// Counts the changes of `state`.
    pub version: i64,
    /// What may soon stand there.
    pub pending: Option<Pending>,
    /// Changes taken back in a row.
    pub flaps: i32,
    /// The last of them.
    pub flap_time: Option<Timestamp>,
    /// When to look whether it is silent; None: it is.
    pub silence_look_time: Option<Timestamp>,
    /// Changes to come that are of low confidence: the device has started not long ago.
    pub low_confidence: i16,
    /// The device says that it does not measure right.
    pub faulty: bool,
    /// The device wants a new battery.
    pub battery_low: bool,
    /// It has been told that the sensor is suspect.
    pub suspect: bool,
    /// How often that was told.
    pub suspect_count: i64,
}

/// What became of a spot. Each carries the version that the spot has after it, in
/// [`Changed::version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A car has come or gone.
    Settled {
        /// Come.
        occupied: bool,
        /// When it was heard.
        receive_time: Timestamp,
    },
    /// Not heard for too long, or never.
    Silent {
        /// When last; None: never.
        last_seen_time: Option<Timestamp>,
    },
    /// Heard again.
    Recovered {
        /// What it says.
        occupied: bool,
        /// When it was heard.
        receive_time: Timestamp,
    },
    /// The sensor is not to be trusted for now. Changes nothing about the spot: [`Changed::version`] counts these tellings.
    Suspected(Suspicion),
}

/// A change with its place in the spot's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What.
    pub change: Change,
    /// Since when.
    pub change_time: Timestamp,
    /// The spot's version after it.
    pub version: i64,
}

/// What a model's sensors are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long changes must stand.
    pub settle: Settle,
    /// Between two heartbeats.
    pub heartbeat: SignedDuration,
    /// Changes after a start-up that are of low confidence.
    pub warm_up: i16,
}

impl Rules {
    fn silent_after(&self) -> SignedDuration {
        self.heartbeat * HEARTBEATS_MISSED_MAX
    }
}

impl Ground {
    /// A sensor that was just registered and never heard, and the change that tells of it.
    pub fn registered(now: Timestamp) -> (Self, Changed) {
        let ground = Self {
            mark: None,
            battery_percent: None,
            state: State::Unknown,
            change_time: now,
            version: 1,
            pending: None,
            flaps: 0,
            flap_time: None,
            silence_look_time: None,
            low_confidence: 0,
            faulty: false,
            battery_low: false,
            suspect: false,
            suspect_count: 0,
        };
        let change = Change::Silent { last_seen_time: None };
        (ground, Changed { change, change_time: now, version: 1 })
    }

    /// Takes a reading. Whatever becomes of the spot by it is added to `changes`. Says whether it
    /// was news.
    pub fn hear(
        &mut self,
        heard: Heard,
        rules: &Rules,
        now: Timestamp,
        changes: &mut Vec<Changed>,
    ) -> bool {
        let heard = heard.clamped(now).dated(self.mark.as_ref());
        if heard.retained || compare(self.mark.as_ref(), &heard) == Order::Stale {
            return false;
        }
        // What had stood long enough when this was heard counts, also when the timer was late.
        changes.extend(self.settle(heard.receive_time));
        let last_heard =
            self.mark.as_ref().map(|mark| mark.device_time.unwrap_or(mark.receive_time));
        self.mark = Some(advance(self.mark.take(), &heard));
        self.note(&heard, rules);
        if heard.unreachable {
            changes.extend(self.lose(heard.receive_time));
        } else if let Some(occupied) = heard.occupied {
            self.see(occupied, &heard, last_heard, rules, changes);
        }
        // A settle time of nothing, or a reading that waited long for us.
        changes.extend(self.settle(heard.receive_time));
        changes.extend(self.suspect(heard.receive_time));
        true
    }

    /// What a device says of itself.
    fn note(&mut self, heard: &Heard, rules: &Rules) {
        self.battery_percent = heard.battery_percent.or(self.battery_percent);
        self.battery_low = heard.battery_low.unwrap_or(self.battery_low);
        if heard.startup {
            self.low_confidence = rules.warm_up;
        }
        // A frame that says nothing of the spot does not take a fault back.
        self.faulty = heard.faulty || (self.faulty && heard.occupied.is_none());
    }

    /// Its network has lost it: nobody waits for its silence.
    fn lose(&mut self, at: Timestamp) -> Option<Changed> {
        if self.state == State::Unknown {
            return None;
        }
        self.pending = None;
        self.silence_look_time = None;
        Some(self.turn(State::Unknown, at, Change::Silent { last_seen_time: Some(at) }))
    }

    /// Tells once when the sensor becomes suspect, and may tell again when it had been trusted meanwhile.
    fn suspect(&mut self, at: Timestamp) -> Option<Changed> {
        let suspect = self.health(at) == Health::Suspect;
        let before = std::mem::replace(&mut self.suspect, suspect);
        if before || !suspect {
            return None;
        }
        self.suspect_count += 1;
        let why = if self.faulty { Suspicion::Faulty } else { Suspicion::Flapping };
        let change = Change::Suspected(why);
        Some(Changed { change, change_time: at, version: self.suspect_count })
    }

    /// Since when, with what the device counted of the state before: a late message does not make a late change. Never before
    /// the last time that the old state was heard: a change in between may have been lost.
    fn began(&self, heard: &Heard, last_heard: Option<Timestamp>) -> Timestamp {
        let told = heard.change_time();
        let latest = heard.previous.and_then(|previous| {
            let most =
                previous.least.checked_add(previous.slack?)?.checked_add(PREVIOUS_ROUNDING)?;
            Some(after(self.change_time, most))
        });
        let earliest = last_heard.unwrap_or(self.change_time);
        latest.map_or(told, |latest| told.min(latest.max(earliest)))
    }

    fn see(
        &mut self,
        occupied: bool,
        heard: &Heard,
        last_heard: Option<Timestamp>,
        rules: &Rules,
        changes: &mut Vec<Changed>,
    ) {
        let receive_time = heard.receive_time;
        if self.state == State::Unknown {
            // Nobody knew, so there is nothing to protect from a flap.
            self.pending = None;
            self.silence_look_time = Some(after(receive_time, rules.silent_after()));
            let change = Change::Recovered { occupied, receive_time };
            changes.push(self.turn(State::of(occupied), heard.change_time(), change));
            return;
        }
        if self.state == State::of(occupied) {
            if self.pending.take().is_some() {
                self.flap(receive_time);
            }
            return;
        }
        if self.pending.is_none() {
            let factor = if self.low_confidence > 0 { LOW_CONFIDENCE_FACTOR } else { 1 };
            self.pending = Some(Pending {
                occupied,
                change_time: self.began(heard, last_heard),
                receive_time,
                settle_time: after(receive_time, rules.settle.of(occupied) * factor),
            });
        }
    }

    fn flap(&mut self, at: Timestamp) {
        let forgotten = self.flap_time.is_none_or(|last| at.duration_since(last) > FLAP_MEMORY);
        self.flaps = if forgotten { 1 } else { self.flaps.saturating_add(1) };
        self.flap_time = Some(at);
    }

    /// Lets the pending change count, if it has stood long enough.
    pub fn settle(&mut self, now: Timestamp) -> Option<Changed> {
        let pending = self.pending.filter(|pending| pending.settle_time <= now)?;
        self.pending = None;
        self.low_confidence = (self.low_confidence - 1).max(0);
        let Pending { occupied, change_time, receive_time, .. } = pending;
        let change = Change::Settled { occupied, receive_time };
        Some(self.turn(State::of(occupied), change_time, change))
    }

    /// Looks whether the sensor has fallen silent; sets the time of the next look if not.
    pub fn look(&mut self, rules: &Rules, now: Timestamp) -> Option<Changed> {
        let last_seen_time = self.mark.as_ref().map(|mark| mark.receive_time);
        let silent_from = after(last_seen_time?, rules.silent_after());
        if self.state == State::Unknown {
            return None;
        }
        if silent_from > now {
            self.silence_look_time = Some(silent_from);
            return None;
        }
        self.pending = None;
        self.silence_look_time = None;
        Some(self.turn(State::Unknown, now, Change::Silent { last_seen_time }))
    }

    /// Why the sensor is not to be trusted now, whatever stands on its spot.
    pub fn suspicion(&self, now: Timestamp) -> Option<Suspicion> {
        let flaps = self.flap_time.is_some_and(|last| now.duration_since(last) <= FLAP_MEMORY);
        match (self.faulty, flaps && self.flaps >= FLAPS_SUSPECT) {
            (true, _) => Some(Suspicion::Faulty),
            (false, true) => Some(Suspicion::Flapping),
            (false, false) => None,
        }
    }

    /// How far the sensor can be trusted now.
    pub fn health(&self, now: Timestamp) -> Health {
        match (self.state, self.suspicion(now)) {
            (State::Unknown, _) => Health::Silent,
            (_, Some(_)) => Health::Suspect,
            (_, None) => Health::Ok,
        }
    }

    fn turn(&mut self, state: State, since: Timestamp, change: Change) -> Changed {
        // Changes of one spot follow each other, whatever a device's clock says. Out of the unknown
        // the first word may well tell of a car that came before we began to listen.
        let known = self.state != State::Unknown;
        self.change_time = if known { since.max(self.change_time) } else { since };
        self.state = state;
        self.version += 1;
        Changed { change, change_time: self.change_time, version: self.version }
    }
}

/// A time so much later, or the latest there is.
fn after(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
