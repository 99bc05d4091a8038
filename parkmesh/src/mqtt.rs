//! Publishing sensor readings over MQTT, as a device in the field does.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, MqttOptions};
use uuid::Uuid;

use crate::Failure;

/// Messages on the way to the broker at most.
const IN_FLIGHT_MAX: u16 = 200;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Before the next attempt when the broker is away.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);

/// Publishes plain JSON readings to `parkmesh/devices/<device>/up`, at least once each.
pub struct Publisher {
    client: AsyncClient,
    clock: Clock,
}

impl Publisher {
    /// Connects, and again whenever the broker was away, until `tasks` ends.
    pub fn connect(url: &str, name: &str, clock: &Clock, tasks: &Tasks) -> Result<Self, Failure> {
        let client_id = format!("{name}-{}", Ids::random().next::<Uuid>());
        let separator = if url.contains('?') { '&' } else { '?' };
        let mut options = MqttOptions::parse_url(format!("{url}{separator}client_id={client_id}"))?;
        options.set_keep_alive(KEEP_ALIVE).set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX);
        let (client, mut events) = AsyncClient::new(options, usize::from(IN_FLIGHT_MAX));
        let waits = tasks.clone();
        tasks.spawn("mqtt-publisher", async move {
            loop {
                if let Err(error) = events.poll().await {
                    tracing::warn!(%error, "the MQTT broker is away");
                    waits.sleep(RECONNECT_WAIT).await;
                }
            }
        });
        Ok(Self { client, clock: clock.clone() })
    }

    /// A device says what stands over it now.
    pub async fn reading(&self, device_id: &str, occupied: bool) -> Result<(), Failure> {
        let time = self.clock.now().to_string();
        let body = serde_json::json!({ "occupied": occupied, "time": time });
        self.publish(topic_of(device_id), body.to_string().into_bytes()).await
    }

    /// The time that readings are dated with.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A message, as it is.
    pub async fn publish(&self, topic: String, body: Vec<u8>) -> Result<(), Failure> {
        self.client.publish(topic, QoS::AtLeastOnce, false, body).await?;
        Ok(())
    }
}

/// Where a device speaks.
fn topic_of(device_id: &str) -> String {
    format!("parkmesh/devices/{device_id}/up")
}
