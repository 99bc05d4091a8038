//! How a device says what it sees: its own words or its vendor's frames, under the topic of its network.

use jiff::Timestamp;
use serde_json::json;

/// How a device speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Plain JSON, with session, count and the device's own clock.
    Plain,
    /// Frames of a Bosch TPS110 under ChirpStack's topic: a count, and the network's clock.
    Bosch,
}

impl Voice {
    /// The voice of a model; None for one that is not simulated.
    pub fn of(model: &str) -> Option<Self> {
        [Self::Plain, Self::Bosch].into_iter().find(|voice| voice.model() == model)
    }

    /// The model, as it is registered.
    pub const fn model(self) -> &'static str {
        match self {
            Self::Plain => "plain-json",
            Self::Bosch => "bosch-tps110",
        }
    }

    /// Topic and body of a word.
    pub fn spell(self, word: &Word<'_>) -> (String, Vec<u8>) {
        let device_id = word.device_id;
        match self {
            Self::Plain => {
                let mut body = json!({
                    "occupied": word.occupied, "time": word.device_time.to_string(),
                    "boot": word.boot, "sequence": word.sequence,
                });
                if word.kind == Kind::Startup {
                    body["startup"] = true.into();
                }
                (format!("parkmesh/devices/{device_id}/up"), body.to_string().into_bytes())
            }
            Self::Bosch => {
                let (port, frame) = bosch(word);
                // The first frame after a start has number 0.
                let count = word.sequence.saturating_sub(1);
                let body = json!({
                    "time": word.network_time.to_string(),
                    "deduplicationId": format!("{device_id}-{}-{count}", word.boot),
                    "deviceInfo": { "devEui": device_id },
                    "fCnt": count, "fPort": port, "data": base64(&frame),
                });
                let topic = format!("application/simulation/device/{device_id}/event/up");
                (topic, body.to_string().into_bytes())
            }
        }
    }
}

/// Why a device speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something has changed.
    Change,
    /// It was time.
    Heartbeat,
    /// It has started.
    Startup,
}

/// What a device says.
pub struct Word<'a> {
    /// Its own name.
    pub device_id: &'a str,
    /// A car stands there.
    pub occupied: bool,
    /// Why.
    pub kind: Kind,
    /// By its own clock.
    pub device_time: Timestamp,
    /// By its network's.
    pub network_time: Timestamp,
    /// Its session.
    pub boot: u64,
    /// Its count within the session, from 1.
    pub sequence: u64,
}

/// Port and bytes, as in the vendor's tables.
fn bosch(word: &Word<'_>) -> (u8, Vec<u8>) {
    let state = u8::from(word.occupied);
    match word.kind {
        Kind::Change => (1, vec![state]),
        Kind::Heartbeat => (2, vec![state, 20]),
        Kind::Startup => {
            // Twelve bytes of debugging, firmware 0.23.3, power-on, the state.
            let mut frame = vec![0; 12];
            frame.extend([0, 23, 3, 2, state]);
            (3, frame)
        }
    }
}

/// The usual alphabet with padding. Three bytes become four letters.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = usize::try_from(bits >> shift & 63).unwrap_or_default();
            text.push(if at > three.len() { '=' } else { char::from(LETTERS[letter]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(kind: Kind) -> Word<'static> {
        let time = Timestamp::new(1_800_000_000, 0).expect("in range");
        Word {
            device_id: "a1",
            occupied: true,
            kind,
            device_time: time,
            network_time: time,
            boot: 3,
            sequence: 1,
        }
    }

    #[test]
    fn a_plain_device_tells_session_count_and_its_own_time() {
        let (topic, body) = Voice::Plain.spell(&word(Kind::Startup));
        assert_eq!(topic, "parkmesh/devices/a1/up");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let wanted = json!({
            "occupied": true, "time": "2027-01-15T08:00:00Z", "boot": 3, "sequence": 1, "startup": true
        });
        assert_eq!(body, wanted);
    }

    #[test]
    fn a_bosch_device_sends_frames_as_the_vendor_publishes_them() {
        for (kind, port, data) in [
            (Kind::Change, 1, "AQ=="),
            (Kind::Heartbeat, 2, "ARQ="),
            (Kind::Startup, 3, "AAAAAAAAAAAAAAAAABcDAgE="),
        ] {
            let (topic, body) = Voice::Bosch.spell(&word(kind));
            assert_eq!(topic, "application/simulation/device/a1/event/up");
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!((&body["fPort"], &body["data"]), (&json!(port), &json!(data)));
            assert_eq!(body["fCnt"], 0, "the first frame of a session");
        }
    }

    #[test]
    fn every_voice_is_found_by_its_model() {
        assert_eq!(Voice::of("plain-json"), Some(Voice::Plain));
        assert_eq!(Voice::of("bosch-tps110"), Some(Voice::Bosch));
        assert_eq!(Voice::of("placepod"), None);
    }
}
