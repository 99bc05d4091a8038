//! Which field of a message means what.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

/// Names of fields, the first that has a value counts, and words for what stands there, upper or lower case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// A car stands there: true or false, 1 or 0, or one of the words.
    pub occupied: Vec<String>,
    /// When: RFC 3339, or seconds or milliseconds since 1970.
    pub time: Vec<String>,
    /// Session of the device.
    pub boot: Vec<String>,
    /// Count within the session.
    pub sequence: Vec<String>,
    /// Percent.
    pub battery: Vec<String>,
    /// Degrees Celsius.
    pub temperature: Vec<String>,
    /// The gateway's own id of the message.
    pub message_id: Vec<String>,
    /// The message tells of the past.
    pub historical: Vec<String>,
    /// The device has just started.
    pub startup: Vec<String>,
    /// What means that a car stands there.
    pub occupied_words: Vec<String>,
    /// What means that none does.
    pub vacant_words: Vec<String>,
}

impl Default for Fields {
    /// Ours, and the names that cities' gateways are known to use.
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            occupied: names(&["occupied", "parked", "parking_status", "status"]),
            time: names(&["time", "timestamp"]),
            boot: names(&["boot"]),
            sequence: names(&["sequence"]),
            battery: names(&["battery"]),
            temperature: names(&["temperature"]),
            message_id: names(&["message_id"]),
            historical: names(&["historical"]),
            startup: names(&["startup"]),
            occupied_words: names(&["occupied", "present"]),
            vacant_words: names(&["unoccupied", "vacant"]),
        }
    }
}

impl Fields {
    /// What a value means; None: neither.
    pub fn state_of(&self, value: &Value) -> Option<bool> {
        let among =
            |words: &[String], text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        match value {
            Value::Bool(occupied) => Some(*occupied),
            Value::Number(number) => match number.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                _ => None,
            },
            Value::String(text) if among(&self.occupied_words, text) => Some(true),
            Value::String(text) if among(&self.vacant_words, text) => Some(false),
            _ => None,
        }
    }

    /// Whether a field of this name means something.
    pub fn knows(&self, name: &str) -> bool {
        let all = [&self.occupied, &self.battery, &self.temperature, &self.startup];
        all.iter().any(|names| names.iter().any(|known| known == name))
    }
}

/// The mappings by name: a plain device's firmware, as it is registered, names its own. The one without a name is everybody
/// else's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mappings {
    usual: Fields,
    named: BTreeMap<String, Fields>,
}

impl Mappings {
    /// The mapping of this name.
    pub fn of(&self, name: &str) -> &Fields {
        self.named.get(name).unwrap_or(&self.usual)
    }
}

impl FromStr for Mappings {
    type Err = serde_json::Error;

    /// Reads `{"": {…}, "ulm": {"time": ["timestamp"]}}`; a mapping names only what differs from ours.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut named: BTreeMap<String, Fields> = serde_json::from_str(text)?;
        Ok(Self { usual: named.remove("").unwrap_or_default(), named })
    }
}
