//! The settings of the bridge, with their defaults.

use std::time::Duration;

use parkmesh_platform::config::Reader;

use crate::mqtt::Broker;

/// How the bridge runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// `mqtt://[user:password@]host[:port]` or `mqtts://…`.
    pub mqtt_url: String,
    /// Names the session that the broker keeps for us: one per bridge, the same after a restart.
    pub client_id: String,
    /// What the topics begin with; empty for none.
    pub topic_root: String,
    /// Bridges of one group share the messages between them; None for a bridge that is alone.
    pub share_group: Option<String>,
    /// How long the broker keeps the session of a bridge that is away, in seconds.
    pub session_expiry_seconds: u32,
    /// Messages that the broker may send ahead of our acknowledgements. A wish: not every broker
    /// counts well.
    pub receive_maximum: u16,
    /// Messages that wait for a batch; then the connection waits.
    pub waiting_max: usize,
    /// Messages in one batch at most; the contract allows 1,000.
    pub batch_max: usize,
    /// How long a batch waits for more messages.
    pub linger: Duration,
    /// Batches under way before the next one waits.
    pub window: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mqtt_url: "mqtt://127.0.0.1:1883".to_owned(),
            client_id: "parkmesh-sensor-bridge".to_owned(),
            topic_root: String::new(),
            share_group: None,
            session_expiry_seconds: 7 * 24 * 3_600,
            receive_maximum: 1_000,
            waiting_max: 16_384,
            batch_max: 500,
            linger: Duration::from_millis(2),
            window: 8,
        }
    }
}

impl Config {
    /// Reads `PARKMESH_MQTT_URL`, `_MQTT_CLIENT_ID`, `_MQTT_TOPIC_ROOT`, `_MQTT_SHARE_GROUP`,
    /// `_MQTT_SESSION_EXPIRY_SECONDS`, `_MQTT_RECEIVE_MAXIMUM`; mistakes stay with the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let config = Self {
            mqtt_url: reader.require("MQTT_URL"),
            client_id: reader.get("MQTT_CLIENT_ID", default.client_id),
            topic_root: reader.get("MQTT_TOPIC_ROOT", default.topic_root),
            share_group: reader.find("MQTT_SHARE_GROUP"),
            session_expiry_seconds: reader
                .get("MQTT_SESSION_EXPIRY_SECONDS", default.session_expiry_seconds),
            receive_maximum: reader.get("MQTT_RECEIVE_MAXIMUM", default.receive_maximum),
            ..default
        };
        if let (false, Err(mistake)) = (config.mqtt_url.is_empty(), Broker::parse(&config.mqtt_url))
        {
            reader.mistake(format!("PARKMESH_MQTT_URL is not usable: {mistake}"));
        }
        if config.client_id.is_empty() || config.receive_maximum == 0 {
            reader.mistake("PARKMESH_MQTT_CLIENT_ID and _RECEIVE_MAXIMUM must not be empty or 0");
        }
        config
    }
}
