//! Which topics we listen on, and what a topic says.

/// Hex digits of an EUI.
const EUI_LEN: usize = 16;

/// The topics under one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    root: String,
    group: Option<String>,
}

/// Where a message came from, as its topic says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A device that writes plain JSON.
    Plain {
        /// Its own name.
        device_id: String,
    },
    /// A LoRaWAN device, by way of ChirpStack.
    ChirpStack {
        /// Its EUI, lower case.
        device_id: String,
    },
    /// A topic that we did not mean.
    Other,
}

impl Topics {
    /// Topics under this root: empty, or a path such as `city/north`.
    /// With a group, bridges of the same group share the messages between them.
    pub fn new(root: &str, group: Option<&str>) -> Self {
        let root = root.trim_matches('/');
        let root = if root.is_empty() { String::new() } else { format!("{root}/") };
        Self { root, group: group.map(str::to_owned) }
    }

    /// What to subscribe to.
    pub fn filters(&self) -> [String; 2] {
        let share = self.group.as_ref().map(|group| format!("$share/{group}/"));
        let under =
            |path: &str| format!("{}{}{path}", share.as_deref().unwrap_or_default(), self.root);
        [under("parkmesh/devices/+/up"), under("application/+/device/+/event/up")]
    }

    /// What a topic says.
    pub fn source(&self, topic: &str) -> Source {
        let path = topic.strip_prefix(self.root.as_str()).unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["parkmesh", "devices", device, "up"] if !device.is_empty() => {
                Source::Plain { device_id: (*device).to_owned() }
            }
            ["application", _, "device", eui, "event", "up"] if is_eui(eui) => {
                Source::ChirpStack { device_id: eui.to_ascii_lowercase() }
            }
            _ => Source::Other,
        }
    }
}

fn is_eui(text: &str) -> bool {
    text.len() == EUI_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
