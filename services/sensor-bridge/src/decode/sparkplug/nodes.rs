//! What is known of each node: whether it lives, what its numbers mean, and which devices it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use prost::Message as _;
use serde_json::{Map, Value};

use super::{Address, Message, Metric, Payload};
use crate::decode::plain::{self, Fields, Plain};
use crate::decode::{Cause, Unreadable};

/// Bytes of a metric's name at most; longer ones are passed over.
const NAME_BYTES_MAX: usize = 256;
/// Numbers and devices that are remembered at most, over all nodes; then the memory begins anew, and nodes are asked for
/// their births.
const REMEMBERED_MAX: usize = 500_000;
/// The metric that tells which session a death belongs to.
const SESSION: &str = "bdSeq";

/// What came of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// What devices say.
    pub said: Vec<(String, Plain)>,
    /// Devices that cannot be reached any more.
    pub gone: Vec<String>,
    /// Numbers whose meaning is not known.
    pub unknown_aliases: usize,
    /// The node should be asked for its birth.
    pub ask_rebirth: bool,
}

/// A number's meaning.
#[derive(Clone, Debug)]
struct Meaning {
    name: String,
    datatype: Option<u32>,
}

#[derive(Debug, Default)]
struct Node {
    alive: bool,
    session: Option<u64>,
    seq: Option<u64>,
    aliases: HashMap<u64, Meaning>,
    devices: BTreeSet<String>,
}

/// All nodes that were heard.
#[derive(Debug, Default)]
pub struct Nodes {
    nodes: HashMap<String, Node>,
    /// Numbers and devices of all of them.
    remembered: usize,
}

impl Nodes {
    /// Hears a message. One that the broker had kept from earlier (`retained`) teaches names, and neither ends nor begins anything.
    ///
    /// # Errors
    /// When it is no Sparkplug payload, or its node has not been born.
    pub fn hear(
        &mut self,
        fields: &Fields,
        address: &Address,
        payload: &[u8],
        retained: bool,
    ) -> Result<Heard, Unreadable> {
        let payload = Payload::decode(payload)
            .map_err(|error| Unreadable::envelope(format!("protobuf: {error}")))?;
        if self.remembered > REMEMBERED_MAX {
            *self = Self::default();
        }
        let name = address.node_name();
        let before = self.nodes.get(&name).map_or(0, Node::size);
        let node = self.nodes.entry(name).or_default();
        let heard = match address.message {
            Message::Death if retained => Ok(Heard::default()),
            Message::Death => Ok(node.die(address, &payload)),
            Message::Birth => {
                node.be_born(address, &payload);
                Ok(node.read(fields, address, &payload))
            }
            Message::Data if node.alive => Ok(node.read(fields, address, &payload)),
            Message::Data => Err(Unreadable {
                cause: Cause::UnknownAlias,
                detail: "the node speaks without having been born".to_owned(),
            }),
        };
        self.remembered = (self.remembered + node.size()).saturating_sub(before);
        heard
    }
}

impl Node {
    fn size(&self) -> usize {
        1 + self.aliases.len() + self.devices.len()
    }

    fn be_born(&mut self, address: &Address, payload: &Payload) {
        if address.device.is_none() {
            // A node's birth begins a session: its devices are born after it, with numbers of their own.
            let devices = std::mem::take(&mut self.devices);
            *self = Self { alive: true, session: session_of(payload), devices, ..Self::default() };
        }
        let named =
            payload.metrics.iter().filter_map(|metric| Some((metric.name.clone()?, metric)));
        for (name, metric) in named.filter(|(name, _)| name.len() <= NAME_BYTES_MAX) {
            if let Some(alias) = metric.alias {
                self.aliases.insert(alias, Meaning { name, datatype: metric.datatype });
            }
        }
    }

    /// Who is gone with the node, or with one device of it.
    fn die(&mut self, address: &Address, payload: &Payload) -> Heard {
        let told = session_of(payload);
        let stale = told.is_some() && self.session.is_some() && told != self.session;
        if address.device.is_none() && stale {
            // The will of an earlier connection, which the node has survived.
            return Heard::default();
        }
        let name = address.name();
        let below = format!("{name}/");
        let is_gone = |device: &&String| **device == name || device.starts_with(&below);
        let gone: Vec<String> = self.devices.iter().filter(is_gone).cloned().collect();
        if address.device.is_none() {
            *self = Self::default();
        }
        Heard { gone, ..Heard::default() }
    }

    fn read(&mut self, fields: &Fields, address: &Address, payload: &Payload) -> Heard {
        let mut heard = Heard { ask_rebirth: self.missed(payload.seq), ..Heard::default() };
        let mut told: BTreeMap<Told, Map<String, Value>> = BTreeMap::new();
        for metric in &payload.metrics {
            let Some((name, datatype)) = self.meaning(metric) else {
                heard.unknown_aliases += 1;
                heard.ask_rebirth = true;
                continue;
            };
            // A node may speak for many places: `bay 7/occupied`.
            let (place, field) =
                name.rsplit_once('/').map_or(("", name), |(place, field)| (place, field));
            let Some(value) = metric.value(datatype).filter(|_| fields.knows(field)) else {
                continue;
            };
            let device = if place.is_empty() {
                address.name()
            } else {
                format!("{}/{place}", address.name())
            };
            let told_then = Told {
                time: metric.time().or(payload.time()),
                device,
                historical: metric.is_historical == Some(true),
            };
            told.entry(told_then).or_default().insert(field.to_owned(), value);
        }
        for (Told { time, device, historical }, object) in told {
            if let Ok(plain) = plain::read(fields, &object) {
                self.devices.insert(device.clone());
                heard.said.push((device, Plain { time, historical, ..plain }));
            }
        }
        heard
    }

    /// Whether a message was lost since the last one.
    fn missed(&mut self, seq: Option<u64>) -> bool {
        let Some(seq) = seq else { return false };
        let last = self.seq.replace(seq);
        last.is_some_and(|last| seq != last.wrapping_add(1) % 256)
    }

    fn meaning<'a>(&'a self, metric: &'a Metric) -> Option<(&'a str, Option<u32>)> {
        match (&metric.name, metric.alias) {
            (Some(name), _) if !name.is_empty() => Some((name, metric.datatype)),
            (_, Some(alias)) => {
                let meaning = self.aliases.get(&alias)?;
                Some((&meaning.name, meaning.datatype))
            }
            _ => None,
        }
    }
}

/// What belongs together: oldest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    time: Option<Timestamp>,
    device: String,
    historical: bool,
}

fn session_of(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(SESSION))?;
    metric.long_value.or(metric.int_value.map(u64::from))
}
