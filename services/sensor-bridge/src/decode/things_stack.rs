//! The envelope of The Things Stack v3. Zero, false and empty fields are left out; QoS is 0, so that losses are normal.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Unreadable;
use super::topic::is_eui;
use super::uplink::{Uplink, bytes_of};

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    end_device_ids: Ids,
    received_at: Option<Timestamp>,
    uplink_message: Option<Message>,
    #[serde(default)]
    simulated: bool,
}

#[derive(Default, Deserialize)]
struct Ids {
    #[serde(default)]
    device_id: String,
    #[serde(default)]
    dev_eui: String,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    session_key_id: String,
    #[serde(default)]
    f_cnt: u32,
    #[serde(default)]
    f_port: u8,
    #[serde(default)]
    frm_payload: String,
    decoded_payload: Option<Map<String, Value>>,
    received_at: Option<Timestamp>,
}

/// Reads the envelope of a message of the device that the topic calls `name`. Gives the name that it is registered by: its
/// EUI in lower case, or `name` where it has none.
///
/// # Errors
/// [`super::Cause::BadEnvelope`] for anything else; also when it names another device than its topic.
pub fn decode(name: &str, payload: &[u8]) -> Result<(String, Uplink), Unreadable> {
    let envelope: Envelope = serde_json::from_slice(payload)
        .map_err(|error| Unreadable::envelope(format!("JSON: {error}")))?;
    let Ids { device_id, dev_eui } = envelope.end_device_ids;
    if !device_id.is_empty() && device_id != name {
        return Err(Unreadable::envelope(
            "end_device_ids.device_id is not the device of the topic",
        ));
    }
    if !dev_eui.is_empty() && !is_eui(&dev_eui) {
        return Err(Unreadable::envelope("end_device_ids.dev_eui is no EUI"));
    }
    let device_id = if dev_eui.is_empty() { name.to_owned() } else { dev_eui.to_ascii_lowercase() };
    let told =
        Uplink { time: envelope.received_at, simulated: envelope.simulated, ..Uplink::default() };
    let Some(message) = envelope.uplink_message else {
        // A join: a sign of life.
        return Ok((device_id, told));
    };
    // The stack has no id of a message that is the same every time; the session and the count in it are.
    let session = &message.session_key_id;
    let deduplication_id = match session.as_str() {
        "" => String::new(),
        session => format!("{session}/{}", message.f_cnt),
    };
    let uplink = Uplink {
        deduplication_id,
        time: message.received_at.or(told.time),
        frame_count: Some(message.f_cnt),
        port: message.f_port,
        data: bytes_of(&message.frm_payload)?,
        object: message.decoded_payload,
        ..told
    };
    Ok((device_id, uplink))
}
