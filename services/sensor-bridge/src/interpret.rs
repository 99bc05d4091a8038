//! A message and what is known of its device, as the contract says it. Pure: no clock, no network.

mod say;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use parkmesh_contracts::sensor::v1::{PlateSighting, Reading, UnreadableFrame};
use parkmesh_contracts::validate::Validate;

use crate::decode::gate::{self, Gate, Sighting};
use crate::decode::plain::{self, Mappings};
use crate::decode::sparkplug::{Address, Heard, Nodes};
use crate::decode::{
    Cause, Frame, Make, Source, Topics, Unreadable, Uplink, chirpstack, things_stack,
};
use crate::devices::Registered;

pub use say::unreadable;

/// The model of devices that say everything in words.
const PLAIN: &str = "plain-json";

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// Where.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
    /// Kept by the broker from earlier.
    pub retained: bool,
    /// When.
    pub receive_time: Timestamp,
}

impl Raw<'_> {
    /// It without what it carries, which is personal.
    pub fn veiled(&self) -> Self {
        Self { payload: &[], ..*self }
    }
}

/// A message whose envelope is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// No envelope: words, or a frame of the device's model.
    Bare(String, u8),
    /// The frame inside needs the device's model.
    Uplink(String, Uplink),
    /// A node with its devices, in words.
    Node(Address, Heard),
    /// A plate.
    Plate(Gate, Result<Sighting, Unreadable>),
    /// It makes no sense; the device's name, as far as the topic tells it.
    Unreadable(String, Unreadable),
}

impl Opened {
    /// The device whose model must be known before the message can be read.
    pub fn device(&self) -> Option<&str> {
        match self {
            Self::Bare(device_id, _) | Self::Uplink(device_id, _) => Some(device_id),
            Self::Node(..) | Self::Plate(..) | Self::Unreadable(..) => None,
        }
    }

    /// The node that should be asked to be born again.
    pub fn reborn(&self) -> Option<&Address> {
        match self {
            Self::Node(address, heard) if heard.ask_rebirth => Some(address),
            _ => None,
        }
    }
}

/// What goes to the sensor service.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A reading.
    Reading(Box<Reading>),
    /// A plate.
    Plate(Box<PlateSighting>),
    /// A frame for the quarantine.
    Unreadable(Box<UnreadableFrame>),
}

/// Opens envelopes and reads what is inside.
#[derive(Debug)]
pub struct Interpreter {
    topics: Topics,
    mappings: Mappings,
    nodes: Nodes,
}

impl Interpreter {
    /// Has heard nobody yet.
    pub fn new(topics: Topics, mappings: Mappings) -> Self {
        Self { topics, mappings, nodes: Nodes::default() }
    }

    /// The topic of a command to a node.
    pub fn command_topic(&self, address: &Address) -> String {
        self.topics.command(&address.group, &address.node)
    }

    /// Opens the envelope.
    pub fn open(&mut self, raw: &Raw<'_>) -> Opened {
        match self.topics.source(raw.topic) {
            Source::Bare { device_id, port } => Opened::Bare(device_id, port),
            Source::ChirpStack { device_id, event } => {
                match chirpstack::decode(event, &device_id, raw.payload) {
                    Ok(uplink) => Opened::Uplink(device_id, uplink),
                    Err(error) => Opened::Unreadable(device_id, error),
                }
            }
            Source::ThingsStack { name } => match things_stack::decode(&name, raw.payload) {
                Ok((device_id, uplink)) => Opened::Uplink(device_id, uplink),
                Err(error) => Opened::Unreadable(name, error),
            },
            Source::Gate(gate) => Opened::Plate(gate, gate::decode(raw.payload)),
            Source::Sparkplug(address) => self.node(raw, address),
            Source::Other => {
                let error = Unreadable::envelope("the topic names no device");
                Opened::Unreadable(String::new(), error)
            }
        }
    }

    fn node(&mut self, raw: &Raw<'_>, address: Address) -> Opened {
        let fields = self.mappings.of("");
        match self.nodes.hear(fields, &address, raw.payload, raw.retained) {
            Ok(heard) => Opened::Node(address, heard),
            Err(error) if error.cause == Cause::UnknownAlias => {
                let heard = Heard { unknown_aliases: 1, ask_rebirth: true, ..Heard::default() };
                Opened::Node(address, heard)
            }
            Err(error) => Opened::Unreadable(address.name(), error),
        }
    }

    /// Reads what is inside. `device` is what is registered of [`Opened::device`]; None: nobody registered it.
    pub fn read(&self, raw: &Raw<'_>, opened: Opened, device: Option<&Registered>) -> Vec<Said> {
        let outcomes = match opened {
            Opened::Bare(device_id, port) => {
                let reading = self.bare(raw, &device_id, port, device);
                vec![(device_id, reading)]
            }
            Opened::Uplink(device_id, uplink) => {
                let reading = self.uplink(raw, &device_id, &uplink, device);
                vec![(device_id, reading)]
            }
            Opened::Node(address, heard) => of_node(raw, &address, heard),
            // A plate that the broker kept is of a car that is gone.
            Opened::Plate(..) if raw.retained => return Vec::new(),
            Opened::Plate(gate, sighting) => return vec![plate(raw, &gate, sighting)],
            Opened::Unreadable(device_id, error) => vec![(device_id, Err(error))],
        };
        outcomes.into_iter().map(|(device_id, outcome)| said(raw, &device_id, outcome)).collect()
    }

    fn bare(
        &self,
        raw: &Raw<'_>,
        device_id: &str,
        port: u8,
        device: Option<&Registered>,
    ) -> Result<Reading, Unreadable> {
        // Whom nobody knows is heard in words: the sensor service keeps its name for the operator.
        let frames = device.filter(|device| device.model != PLAIN);
        let Some(device) = frames else {
            let mapping = device.map_or("", |device| device.firmware.as_str());
            let plain = plain::decode(self.mappings.of(mapping), raw.payload)?;
            return Ok(say::plain(raw, device_id, plain));
        };
        let frame = frame(device, port, raw.payload)?;
        // Nothing around the frame tells a time: the device's own clock is all there is.
        let alone = Uplink { time: frame.device_time, ..Uplink::default() };
        Ok(say::uplink(raw, device_id, &alone, frame))
    }

    fn uplink(
        &self,
        raw: &Raw<'_>,
        device_id: &str,
        uplink: &Uplink,
        device: Option<&Registered>,
    ) -> Result<Reading, Unreadable> {
        let device = device.ok_or_else(|| Unreadable {
            cause: Cause::UnknownDevice,
            detail: "not registered".to_owned(),
        })?;
        match &uplink.object {
            Some(object) if device.model == PLAIN => {
                let plain = plain::read(self.mappings.of(&device.firmware), object)?;
                let frame = Frame { occupied: plain.occupied, ..Frame::default() };
                Ok(say::uplink(raw, device_id, uplink, frame))
            }
            _ => Ok(say::uplink(raw, device_id, uplink, frame(device, uplink.port, &uplink.data)?)),
        }
    }
}

fn frame(device: &Registered, port: u8, bytes: &[u8]) -> Result<Frame, Unreadable> {
    Make::choose(&device.model, &device.firmware)?.decode(port, bytes)
}

fn of_node(
    raw: &Raw<'_>,
    address: &Address,
    heard: Heard,
) -> Vec<(String, Result<Reading, Unreadable>)> {
    let said = heard.said.into_iter().map(|(device_id, plain)| {
        let reading = say::plain(raw, &device_id, plain);
        (device_id, Ok(reading))
    });
    let gone = heard.gone.into_iter().map(|device_id| {
        let reading = say::unreachable(raw, &device_id);
        (device_id, Ok(reading))
    });
    let unknown = (heard.unknown_aliases > 0).then(|| {
        let detail = format!(
            "{} values without a name; the node is asked for its birth",
            heard.unknown_aliases
        );
        (address.name(), Err(Unreadable { cause: Cause::UnknownAlias, detail }))
    });
    said.chain(gone).chain(unknown).collect()
}

/// A plate; or why it is none, without what stood there.
fn plate(raw: &Raw<'_>, gate: &Gate, sighting: Result<Sighting, Unreadable>) -> Said {
    let sighting = sighting.map(|sighting| say::plate(raw, gate, sighting));
    let valid = sighting.and_then(|sighting| match sighting.validate() {
        Ok(()) => Ok(sighting),
        Err(found) => Err(Unreadable::envelope(parkmesh_platform::fault::sentence(&found))),
    });
    match valid {
        Ok(sighting) => Said::Plate(Box::new(sighting)),
        Err(error) => Said::Unreadable(Box::new(unreadable(&raw.veiled(), &gate.name(), &error))),
    }
}

/// What breaks a rule of the contract would have the whole batch refused.
fn said(raw: &Raw<'_>, device_id: &str, outcome: Result<Reading, Unreadable>) -> Said {
    let valid = outcome.and_then(|reading| match reading.validate() {
        Ok(()) => Ok(reading),
        Err(found) => Err(Unreadable::envelope(parkmesh_platform::fault::sentence(&found))),
    });
    match valid {
        Ok(reading) => Said::Reading(Box::new(reading)),
        Err(error) => Said::Unreadable(Box::new(unreadable(raw, device_id, &error))),
    }
}
