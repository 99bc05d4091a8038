//! Options of `broker`.

use std::path::PathBuf;

use clap::Args;

use super::Target;

/// What `broker --help` begins with.
pub const BROKER: &str = "Writes the settings by which mosquitto knows each sensor by a certificate of its own and lets it write its own topic only, \
     from the sensors that are registered: mosquitto.conf, acl, ca.crt, and a certificate and key for each user.\n\n\
     Users are: each device that has a topic of its own, under its name; each Sparkplug node, as group/node, which speaks \
     for its devices; `sensor-bridge`, which hears all; `lorawan`, for a network server (ChirpStack, The Things Stack), \
     which speaks for its devices; and `cameras-<lot>`, for the cameras at the gates of a lot. Whoever is not named may \
     connect with a certificate and then say and hear nothing.\n\n\
     Run it again after sensors were registered or taken away, and send mosquitto a SIGHUP: it reads acl again. \
     Certificates that are there stay as they are until half of their time is over.";

/// What it ends with.
pub const BROKER_EXAMPLES: &str = "Examples:\n  parkmesh broker --out broker --host mqtt.example.org\n  \
     mosquitto -c broker/mosquitto.conf\n  \
     PARKMESH_MQTT_URL=mqtts://mqtt.example.org:8883 PARKMESH_MQTT_CA_PATH=broker/ca.crt \\\n    \
     PARKMESH_MQTT_CERT_PATH=broker/users/sensor-bridge/tls.crt PARKMESH_MQTT_KEY_PATH=broker/users/sensor-bridge/tls.key \\\n    \
     parkmesh serve sensor-bridge";

/// Options of `broker`.
#[derive(Debug, Clone, Args)]
pub struct Broker {
    /// The folder to write. What it holds is secret: authority.pem signs for every user.
    #[arg(long)]
    pub out: PathBuf,
    /// A lot; may be repeated. Without one: all lots whose sensors the token may see.
    #[arg(long = "lot")]
    pub lots: Vec<String>,
    /// A name at which devices reach the broker, for its certificate; may be repeated.
    #[arg(long = "host", default_value = "localhost")]
    pub hosts: Vec<String>,
    /// Where the broker listens.
    #[arg(long, default_value_t = 8883)]
    pub port: u16,
    /// How many days a new certificate is good.
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// What the bridge's topics begin with.
    #[arg(long, env = "PARKMESH_MQTT_TOPIC_ROOT", default_value = "")]
    pub topic_root: String,
    /// The bridge's further topics, with a + for the device.
    #[arg(long = "bare-topic", env = "PARKMESH_MQTT_BARE_TOPICS", value_delimiter = ',')]
    pub bare_topics: Vec<String>,
    /// Where the sensors are registered.
    #[command(flatten)]
    pub target: Target,
}
