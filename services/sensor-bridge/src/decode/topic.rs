//! Which topics we listen on, and what a topic says.

use super::chirpstack::Event;
use super::gate::Gate;
use super::sparkplug::{Address, Message};

/// Hex digits of an EUI.
const EUI_LEN: usize = 16;
/// Port of a frame on a bare topic that names none.
const PORT_USUAL: u8 = 1;

/// Where devices speak without an envelope; `+` stands for the device's name.
const BARE: &str = "parkmesh/devices/+/up";
/// The same for frames whose port says which kind they are.
const BARE_WITH_PORT: &str = "parkmesh/devices/+/up/+";

/// Where cameras at gates tell plates.
const GATES: &str = "parkmesh/lots/+/gates/+/plates";

/// What every bridge of a group hears: who was born must be known to all of them.
const SPARKPLUG: [&str; 6] = [
    "spBv1.0/+/NBIRTH/+",
    "spBv1.0/+/NDEATH/+",
    "spBv1.0/+/NDATA/+",
    "spBv1.0/+/DBIRTH/+/+",
    "spBv1.0/+/DDEATH/+/+",
    "spBv1.0/+/DDATA/+/+",
];

/// The topics under one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    root: String,
    group: Option<String>,
    bare: Vec<String>,
}

/// Where a message came from, as its topic says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A device that speaks without an envelope: JSON, or frames of its model.
    Bare {
        /// Its own name.
        device_id: String,
        /// Which kind of frame, where the model has ports.
        port: u8,
    },
    /// A LoRaWAN device, by way of ChirpStack.
    ChirpStack {
        /// Its EUI, lower case.
        device_id: String,
        /// What it tells.
        event: Event,
    },
    /// A LoRaWAN device, by way of The Things Stack.
    ThingsStack {
        /// Its name there, which the broker guards.
        name: String,
    },
    /// A node of Sparkplug B, or a device of it.
    Sparkplug(Address),
    /// A camera at a gate.
    Gate(Gate),
    /// A topic that we did not mean.
    Other,
}

/// A user of the broker, and where it may speak and listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Its name there.
    pub user: String,
    /// Topics that it may write; `+` and `#` as in filters.
    pub writes: Vec<String>,
    /// Topics that it may read.
    pub reads: Vec<String>,
}

impl Topics {
    /// Topics under this root: empty, or a path such as `city/north`. With a group, bridges of the same group share the
    /// messages between them. `bare` are more topics without an envelope; `+` stands for the device's name.
    pub fn new(root: &str, group: Option<&str>, bare: &[String]) -> Self {
        let root = root.trim_matches('/');
        let root = if root.is_empty() { String::new() } else { format!("{root}/") };
        let bare = std::iter::once(BARE.to_owned()).chain(bare.iter().cloned()).collect();
        Self { root, group: group.map(str::to_owned), bare }
    }

    /// What to subscribe to.
    pub fn filters(&self) -> Vec<String> {
        let share = self.group.as_ref().map(|group| format!("$share/{group}/"));
        let share = share.as_deref().unwrap_or_default();
        let chirpstack =
            Event::ALL.map(|event| format!("application/+/device/+/event/{}", event.as_str()));
        let shared = self.bare.iter().cloned().chain(chirpstack);
        let others = [BARE_WITH_PORT, "v3/+/devices/+/up", "v3/+/devices/+/join", GATES];
        let shared = shared.chain(others.map(str::to_owned));
        let shared = shared.map(|path| format!("{share}{}{path}", self.root));
        let own = SPARKPLUG.iter().map(|path| format!("{}{path}", self.root));
        shared.chain(own).collect()
    }

    /// Who speaks for a device at the broker, and where it may. None if no topic can hold such a name.
    ///
    /// A device of Sparkplug has no connection of its own: its node speaks for it.
    pub fn speaker(&self, device_id: &str) -> Option<Speaker> {
        if device_id.is_empty()
            || device_id.contains(|sign: char| "+#$".contains(sign) || sign.is_control())
        {
            return None;
        }
        let parts: Vec<&str> = device_id.split('/').collect();
        match parts.as_slice() {
            [name] => {
                let bare = self.bare.iter().map(String::as_str).chain([BARE_WITH_PORT]);
                let writes =
                    bare.map(|path| format!("{}{}", self.root, path.replacen('+', name, 1)));
                Some(Speaker {
                    user: (*name).to_owned(),
                    writes: writes.collect(),
                    reads: Vec::new(),
                })
            }
            [group, node, ..] if parts.iter().all(|part| !part.is_empty()) => {
                let filled = |path: &&str| path.replacen('+', group, 1).replacen('+', node, 1);
                let writes = SPARKPLUG.iter().map(|path| format!("{}{}", self.root, filled(path)));
                let reads = vec![self.command(group, node)];
                Some(Speaker { user: format!("{group}/{node}"), writes: writes.collect(), reads })
            }
            _ => None,
        }
    }

    /// The bridge itself: it hears everybody and commands the nodes of Sparkplug.
    pub fn bridge(&self, user: &str) -> Speaker {
        let alone = Self { group: None, ..self.clone() };
        Speaker {
            user: user.to_owned(),
            writes: vec![self.command("+", "+")],
            reads: alone.filters(),
        }
    }

    /// A network server of LoRaWAN, which speaks for all of its devices.
    pub fn network(&self, user: &str) -> Speaker {
        let writes = ["application/#", "v3/#"].map(|path| format!("{}{path}", self.root));
        Speaker { user: user.to_owned(), writes: writes.into(), reads: Vec::new() }
    }

    /// The cameras at the gates of a lot.
    pub fn cameras(&self, user: &str, lot_id: &str) -> Speaker {
        let writes = vec![format!("{}{}", self.root, GATES.replacen('+', lot_id, 1))];
        Speaker { user: user.to_owned(), writes, reads: Vec::new() }
    }

    /// The topic of a command to a Sparkplug node.
    pub fn command(&self, group: &str, node: &str) -> String {
        format!("{}spBv1.0/{group}/NCMD/{node}", self.root)
    }

    /// What a topic says.
    pub fn source(&self, topic: &str) -> Source {
        let Some(path) = topic.strip_prefix(self.root.as_str()) else { return Source::Other };
        let parts: Vec<&str> = path.split('/').collect();
        let named = self.bare.iter().find_map(|filter| name_in(filter, &parts));
        if let Some(device) = named {
            return Source::Bare { device_id: device.to_owned(), port: PORT_USUAL };
        }
        match parts.as_slice() {
            ["parkmesh", "devices", device, "up", port] if !device.is_empty() => {
                let device_id = (*device).to_owned();
                port.parse().map_or(Source::Other, |port| Source::Bare { device_id, port })
            }
            ["parkmesh", "lots", lot, "gates", gate, "plates"]
                if !lot.is_empty() && !gate.is_empty() =>
            {
                let (lot_id, gate_id) = ((*lot).to_owned(), (*gate).to_owned());
                Source::Gate(Gate { lot_id, gate_id })
            }
            ["application", _, "device", eui, "event", event] if is_eui(eui) => {
                let device_id = eui.to_ascii_lowercase();
                Event::of(event)
                    .map_or(Source::Other, |event| Source::ChirpStack { device_id, event })
            }
            ["v3", _, "devices", name, "up" | "join"] if !name.is_empty() => {
                Source::ThingsStack { name: (*name).to_owned() }
            }
            ["spBv1.0", group, kind, node] => sparkplug(group, kind, node, None),
            ["spBv1.0", group, kind, node, device] => sparkplug(group, kind, node, Some(device)),
            _ => Source::Other,
        }
    }
}

fn sparkplug(group: &str, kind: &str, node: &str, device: Option<&str>) -> Source {
    let message = match (kind, device) {
        ("NBIRTH", None) | ("DBIRTH", Some(_)) => Message::Birth,
        ("NDEATH", None) | ("DDEATH", Some(_)) => Message::Death,
        ("NDATA", None) | ("DDATA", Some(_)) => Message::Data,
        _ => return Source::Other,
    };
    let (group, node, device) = (group.to_owned(), node.to_owned(), device.map(str::to_owned));
    Source::Sparkplug(Address { group, node, device, message })
}

/// What stands where the filter has its first `+`.
fn name_in<'a>(filter: &str, parts: &[&'a str]) -> Option<&'a str> {
    let wanted: Vec<&str> = filter.split('/').collect();
    let fits = |(want, part): (&&str, &&str)| *want == "+" || want == part;
    if wanted.len() != parts.len() || !wanted.iter().zip(parts).all(fits) {
        return None;
    }
    let at = wanted.iter().position(|want| *want == "+")?;
    parts.get(at).copied().filter(|name| !name.is_empty())
}

/// Whether a text is an EUI of 64 bits.
pub fn is_eui(text: &str) -> bool {
    text.len() == EUI_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
