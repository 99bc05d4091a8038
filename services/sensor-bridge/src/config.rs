//! The settings of the bridge, with their defaults.

use std::time::Duration;

use parkmesh_platform::config::Reader;

use crate::decode::Topics;
use crate::decode::plain::Mappings;
use crate::mqtt::{Broker, Tls};

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
    /// Topics without an envelope, besides our own; `+` stands for the device's name.
    pub bare_topics: Vec<String>,
    /// Which fields of plain JSON mean what.
    pub mappings: Mappings,
    /// Certificates for `mqtts://`; None: the machine's, and none of ours.
    pub tls: Option<Tls>,
    /// How often each side of the connection shows that it lives; 5 s at least.
    pub keep_alive: Duration,
    /// Messages that wait for a batch; then the connection waits.
    pub waiting_max: usize,
    /// Bytes of messages from their arrival until they are durable; then the connection waits.
    pub room_bytes: usize,
    /// Messages in one batch at most; the contract allows 1,000.
    pub batch_max: usize,
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
            bare_topics: Vec::new(),
            mappings: Mappings::default(),
            tls: None,
            keep_alive: Duration::from_secs(10),
            waiting_max: 16_384,
            room_bytes: 64 * 1024 * 1024,
            batch_max: 500,
            window: 8,
        }
    }
}

impl Config {
    /// Reads `PARKMESH_MQTT_URL`, `_MQTT_CLIENT_ID`, `_MQTT_TOPIC_ROOT`, `_MQTT_SHARE_GROUP`,
    /// `_MQTT_SESSION_EXPIRY_SECONDS`, `_MQTT_RECEIVE_MAXIMUM`, `_MQTT_BARE_TOPICS`, `_MQTT_JSON_FIELDS`, `_MQTT_CA_PATH`,
    /// `_MQTT_CERT_PATH`, `_MQTT_KEY_PATH`; mistakes stay with the reader.
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
            bare_topics: reader.list("MQTT_BARE_TOPICS"),
            mappings: reader.get("MQTT_JSON_FIELDS", default.mappings),
            tls: tls(reader),
            ..default
        };
        if let (false, Err(mistake)) = (config.mqtt_url.is_empty(), Broker::parse(&config.mqtt_url))
        {
            reader.mistake(format!("PARKMESH_MQTT_URL is not usable: {mistake}"));
        }
        if config.client_id.is_empty() || config.receive_maximum == 0 {
            reader.mistake("PARKMESH_MQTT_CLIENT_ID and _RECEIVE_MAXIMUM must not be empty or 0");
        }
        let wrong = |topic: &&String| topic.split('/').filter(|part| *part == "+").count() != 1;
        if let Some(topic) = config.bare_topics.iter().find(wrong) {
            reader
                .mistake(format!("PARKMESH_MQTT_BARE_TOPICS: {topic} needs one + for the device"));
        }
        config
    }

    /// What the bridge listens to.
    pub fn topics(&self) -> Topics {
        Topics::new(&self.topic_root, self.share_group.as_deref(), &self.bare_topics)
    }
}

fn tls(reader: &mut Reader) -> Option<Tls> {
    let (ca_file, certificate) = (reader.find("MQTT_CA_PATH"), reader.find("MQTT_CERT_PATH"));
    let client = match (certificate, reader.find("MQTT_KEY_PATH")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            reader.mistake("set PARKMESH_MQTT_CERT_PATH and PARKMESH_MQTT_KEY_PATH together");
            None
        }
    };
    if client.is_some() && ca_file.is_none() {
        reader.mistake("PARKMESH_MQTT_CERT_PATH needs PARKMESH_MQTT_CA_PATH");
    }
    ca_file.map(|ca_file| Tls { ca_file, client })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &[(&str, &str)]) -> (Config, bool) {
        let url = [("PARKMESH_MQTT_URL", "mqtts://broker")];
        let mut reader = Reader::of(url.iter().chain(more).copied());
        let config = Config::read(&mut reader);
        (config, reader.finish().is_ok())
    }

    #[test]
    fn certificates_come_together_or_not_at_all() {
        let all = [
            ("PARKMESH_MQTT_CA_PATH", "ca.pem"),
            ("PARKMESH_MQTT_CERT_PATH", "cert.pem"),
            ("PARKMESH_MQTT_KEY_PATH", "key.pem"),
        ];
        let (config, fine) = read(&all);
        assert!(fine && config.tls.is_some_and(|tls| tls.client.is_some()));
        assert!(read(&all[..1]).1, "a broker's own authority, and no certificate of ours");
        assert!(!read(&all[..2]).1);
        assert!(!read(&all[1..]).1);
    }

    #[test]
    fn a_mapping_and_a_topic_must_be_usable() {
        let ulm = r#"{"ulm":{"occupied":["taken"],"time":["timestamp"]}}"#;
        let (config, fine) = read(&[
            ("PARKMESH_MQTT_JSON_FIELDS", ulm),
            ("PARKMESH_MQTT_BARE_TOPICS", "ulm/+/state, city/parking/+"),
        ]);
        assert!(fine);
        assert_eq!(config.mappings.of("ulm").occupied, ["taken"]);
        assert_eq!(config.bare_topics.len(), 2);
        assert!(!read(&[("PARKMESH_MQTT_JSON_FIELDS", r#"{"ulm":{"ocupied":[]}}"#)]).1);
        assert!(!read(&[("PARKMESH_MQTT_BARE_TOPICS", "ulm/state")]).1);
        assert!(!read(&[("PARKMESH_MQTT_BARE_TOPICS", "+/ulm/+")]).1);
    }
}
