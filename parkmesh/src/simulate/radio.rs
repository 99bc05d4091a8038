//! What sensors say of the ground, and what the air makes of it: repeated, late, lost; sensors that are broken, silent or
//! flap, whose clocks are wrong, that start anew. Pure: the same seed gives the same messages.

mod voice;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use crate::chance::Dice;

pub use voice::Voice;
use voice::{Kind, Word};

/// All devices speak for the first time within so many milliseconds.
const FIRST_WORDS_MS: f64 = 20_000.0;
/// A message that is not late takes up to so many milliseconds.
const USUAL_WAY_MS: f64 = 150.0;
/// A device speaks a little more often than promised: one that is lost is no alarm.
const HEARTBEAT_EARLY: f64 = 0.66;
/// A device that flaps says something else every second.
const FLAP_MS: i64 = 1_000;
/// Faults begin within so many milliseconds.
const FAULTS_WITHIN_MS: f64 = 600_000.0;
/// A wrong clock is off by so many milliseconds at most.
const CLOCK_OFF_MS: f64 = 86_400_000.0;
const HOUR_MS: f64 = 3_600_000.0;

/// How the air is. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Air {
    /// Comes twice.
    pub duplicates: f64,
    /// Comes late, and thus out of order.
    pub late: f64,
    /// By so many milliseconds at most.
    pub late_max_ms: f64,
    /// Never comes.
    pub loss: f64,
}

/// How the devices are. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Have a clock that is off by up to a day either way.
    pub wrong_clocks: f64,
    /// Start anew so often in an hour.
    pub restarts_per_hour: f64,
    /// Fall silent.
    pub silent: f64,
    /// Say the same for ever.
    pub broken: f64,
    /// Say something else every second.
    pub flapping: f64,
}

/// What is wrong with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It says nothing any more.
    Silent,
    /// It says this, whatever stands there.
    Broken(bool),
    /// It says something else every second.
    Flapping,
}

/// A sensor to be simulated.
#[derive(Clone, Debug)]
pub struct Sensor {
    /// Its own name.
    pub device_id: String,
    /// How it speaks.
    pub voice: Voice,
    /// What it has promised, in milliseconds.
    pub heartbeat_ms: i64,
    /// It stays whole: people try things here by hand.
    pub spare: bool,
}

impl Sensor {
    /// Topic and body of a change, said by a device whose clock is right.
    pub fn says(&self, occupied: bool, sequence: u64, now: Timestamp) -> (String, Vec<u8>) {
        let word = Word {
            device_id: &self.device_id,
            occupied,
            kind: Kind::Change,
            device_time: now,
            network_time: now,
            boot: 1,
            sequence,
        };
        self.voice.spell(&word)
    }
}

struct Device {
    sensor: Sensor,
    boot: u64,
    sequence: u64,
    clock_off_ms: i64,
    fate: Fault,
    fault: Fault,
    says: bool,
    flap: bool,
    /// Nothing more goes wrong with it.
    rests: bool,
}

/// A message that reaches the broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// When, in milliseconds of the simulation.
    pub at_ms: i64,
    order: u64,
    /// Where.
    pub topic: String,
    /// What.
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Heartbeat(usize),
    Restart(usize),
    Fail(usize),
    Flap(usize),
}

/// All devices of a city, and the air around them.
pub struct Radio {
    air: Air,
    faults: Faults,
    began: Timestamp,
    devices: Vec<Device>,
    due: BinaryHeap<Reverse<(i64, Due)>>,
    on_the_way: BinaryHeap<Reverse<Message>>,
    dice: Dice,
    sent: u64,
    /// Messages that never came, that came twice, that came late.
    pub told: Told,
}

/// What the air has done.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Told {
    /// Words of devices.
    pub words: u64,
    /// Of them lost.
    pub lost: u64,
    /// Of them repeated.
    pub repeated: u64,
    /// Of them late.
    pub late: u64,
    /// Devices that started anew.
    pub restarts: u64,
}

impl Radio {
    /// Devices that have said nothing yet. Sessions count up from `began`, so that a simulation that is started again is newer.
    pub fn new(
        (air, faults): (Air, Faults),
        sensors: Vec<Sensor>,
        began: Timestamp,
        dice: Dice,
    ) -> Self {
        let boot = u64::try_from(began.as_second()).unwrap_or(1);
        let mut radio = Self {
            air,
            faults,
            began,
            devices: Vec::new(),
            due: BinaryHeap::new(),
            on_the_way: BinaryHeap::new(),
            dice,
            sent: 0,
            told: Told::default(),
        };
        for sensor in sensors {
            radio.add(sensor, boot);
        }
        radio
    }

    fn add(&mut self, sensor: Sensor, boot: u64) {
        let (at, spare) = (self.devices.len(), sensor.spare);
        let clock_off_ms = match !spare && self.dice.hits(self.faults.wrong_clocks) {
            true => whole(self.dice.between(-CLOCK_OFF_MS, CLOCK_OFF_MS)),
            false => 0,
        };
        let fate = if spare { Fault::None } else { self.draw_fate() };
        let first_ms = whole(self.dice.between(0.0, FIRST_WORDS_MS));
        self.due.push(Reverse((first_ms, Due::Heartbeat(at))));
        if fate != Fault::None {
            let fails_ms = FIRST_WORDS_MS + self.dice.between(0.0, FAULTS_WITHIN_MS);
            self.due.push(Reverse((whole(fails_ms), Due::Fail(at))));
        }
        self.devices.push(Device {
            sensor,
            boot,
            sequence: 0,
            clock_off_ms,
            fate,
            fault: Fault::None,
            says: false,
            flap: false,
            rests: false,
        });
        self.plan_restart(at, 0);
    }

    fn draw_fate(&mut self) -> Fault {
        let Faults { silent, broken, flapping, .. } = self.faults;
        let drawn = self.dice.fraction();
        if drawn < silent {
            Fault::Silent
        } else if drawn < silent + broken {
            Fault::Broken(self.dice.hits(0.5))
        } else if drawn < silent + broken + flapping {
            Fault::Flapping
        } else {
            Fault::None
        }
    }

    fn plan_restart(&mut self, at: usize, now_ms: i64) {
        let spare = self.devices.get(at).is_none_or(|device| device.sensor.spare);
        if self.faults.restarts_per_hour > 0.0 && !spare {
            let wait = self.dice.exponential(HOUR_MS / self.faults.restarts_per_hour);
            self.due.push(Reverse((now_ms + whole(wait).max(1), Due::Restart(at))));
        }
    }

    /// When a device does something by itself next.
    pub fn next_ms(&self) -> Option<i64> {
        self.due.peek().map(|Reverse((at_ms, _))| *at_ms)
    }

    /// Lets the next device do what it does.
    pub fn step(&mut self) {
        let Some(Reverse((now_ms, due))) = self.due.pop() else { return };
        match due {
            Due::Heartbeat(at) => {
                self.say(at, now_ms, Kind::Heartbeat);
                if let Some(device) = self.devices.get(at) {
                    let period = whole(to_float(device.sensor.heartbeat_ms) * HEARTBEAT_EARLY);
                    self.due.push(Reverse((now_ms + period.max(1_000), due)));
                }
            }
            Due::Restart(at) => {
                self.restart(at, now_ms);
                self.plan_restart(at, now_ms);
            }
            Due::Fail(at) => {
                let Some(device) = self.devices.get_mut(at).filter(|device| !device.rests) else {
                    return;
                };
                device.fault = device.fate;
                if device.fate == Fault::Flapping {
                    self.due.push(Reverse((now_ms, Due::Flap(at))));
                }
            }
            Due::Flap(at) => {
                let Some(device) = self.devices.get_mut(at) else { return };
                if device.fault == Fault::Flapping {
                    device.flap = !device.flap;
                    self.say(at, now_ms, Kind::Change);
                    self.due.push(Reverse((now_ms + FLAP_MS, due)));
                }
            }
        }
    }

    fn restart(&mut self, at: usize, now_ms: i64) {
        let Some(device) = self.devices.get_mut(at) else { return };
        device.boot += 1;
        device.sequence = 0;
        self.told.restarts += 1;
        self.say(at, now_ms, Kind::Startup);
    }

    /// What stands over a device has changed.
    pub fn change(&mut self, at: usize, occupied: bool, now_ms: i64) {
        let Some(device) = self.devices.get_mut(at) else { return };
        device.says = occupied;
        self.say(at, now_ms, Kind::Change);
    }

    /// A car stands there already; nobody has said so yet.
    pub fn stands(&mut self, at: usize) {
        if let Some(device) = self.devices.get_mut(at) {
            device.says = true;
        }
    }

    fn say(&mut self, at: usize, now_ms: i64, kind: Kind) {
        let Some(device) = self.devices.get_mut(at) else { return };
        let occupied = match device.fault {
            Fault::Silent => return,
            Fault::Broken(always) => always,
            Fault::Flapping => device.flap,
            Fault::None => device.says,
        };
        device.sequence += 1;
        let at_ms = |ms: i64| {
            let time = jiff::SignedDuration::from_millis(ms);
            self.began.checked_add(time).unwrap_or(self.began)
        };
        let word = Word {
            device_id: &device.sensor.device_id,
            occupied,
            kind,
            device_time: at_ms(now_ms + device.clock_off_ms),
            network_time: at_ms(now_ms),
            boot: device.boot,
            sequence: device.sequence,
        };
        let (topic, body) = device.sensor.voice.spell(&word);
        self.send(topic, body, now_ms);
    }

    fn send(&mut self, topic: String, body: Vec<u8>, now_ms: i64) {
        self.told.words += 1;
        let lost = self.dice.hits(self.air.loss);
        self.told.lost += u64::from(lost);
        let twice = !lost && self.dice.hits(self.air.duplicates);
        self.told.repeated += u64::from(twice);
        let copies = if lost { 0 } else { 1 + usize::from(twice) };
        for _copy in 0..copies {
            let late = self.dice.hits(self.air.late);
            self.told.late += u64::from(late);
            let way = if late { self.air.late_max_ms } else { USUAL_WAY_MS };
            let at_ms = now_ms + whole(self.dice.between(0.0, way));
            self.sent += 1;
            let (topic, body) = (topic.clone(), body.clone());
            self.on_the_way.push(Reverse(Message { at_ms, order: self.sent, topic, body }));
        }
    }

    /// What has reached the broker by now, in the order in which it did.
    pub fn arrived(&mut self, now_ms: i64) -> Vec<Message> {
        let mut arrived = Vec::new();
        while let Some(Reverse(next)) = self.on_the_way.peek()
            && next.at_ms <= now_ms
        {
            arrived.extend(self.on_the_way.pop().map(|Reverse(message)| message));
        }
        arrived
    }

    /// Whoever flaps is mended, and says what stands there; the others stay as they are.
    pub fn rest(&mut self, now_ms: i64) {
        for at in 0..self.devices.len() {
            let Some(device) = self.devices.get_mut(at) else { continue };
            device.rests = true;
            if device.fault == Fault::Flapping {
                device.fault = Fault::None;
                self.say(at, now_ms, Kind::Change);
            }
        }
    }

    /// What is wrong with a device now.
    pub fn fault(&self, at: usize) -> Fault {
        self.devices.get(at).map_or(Fault::None, |device| device.fault)
    }

    /// Whether a device flaps, has flapped, or is going to.
    pub fn flaps(&self, at: usize) -> bool {
        self.devices.get(at).is_some_and(|device| device.fate == Fault::Flapping)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of some days at most")]
fn whole(ms: f64) -> i64 {
    ms as i64
}

fn to_float(ms: i64) -> f64 {
    u32::try_from(ms).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;
