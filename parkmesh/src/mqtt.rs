//! Publishing sensor readings over MQTT, as a device in the field does.

use std::time::Duration;

use jiff::Timestamp;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, EventLoop, MqttOptions};
use tokio::time::Instant;
use uuid::Uuid;

use crate::Failure;

/// Messages on the way to the broker at most.
const IN_FLIGHT_MAX: u16 = 200;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Before the next attempt when the broker is away.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);
/// A broker that has been away for so long is not waited for any more.
const AWAY_MAX: Duration = Duration::from_secs(60);

/// Publishes plain JSON readings to `parkmesh/devices/<device>/up`, at least once each.
pub struct Publisher {
    client: AsyncClient,
    clock: Clock,
    /// Where the broker is, without who we are there.
    broker: String,
}

impl Publisher {
    /// Connects, and again whenever the broker was away, until `tasks` ends or it has been away for a minute.
    pub fn connect(url: &str, name: &str, clock: &Clock, tasks: &Tasks) -> Result<Self, Failure> {
        let client_id = format!("{name}-{}", Ids::random().next::<Uuid>());
        let separator = if url.contains('?') { '&' } else { '?' };
        let mut options = MqttOptions::parse_url(format!("{url}{separator}client_id={client_id}"))?;
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options
            .set_network_options(network)
            .set_keep_alive(KEEP_ALIVE)
            .set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX);
        let (host, port) = options.broker_address();
        let broker = format!("{host}:{port}");
        let (client, events) = AsyncClient::new(options, usize::from(IN_FLIGHT_MAX));
        tasks.spawn("mqtt-publisher", carry(events, tasks.clone()));
        Ok(Self { client, clock: clock.clone(), broker })
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

    /// A message, as it is. Waits for a broker that is away, and fails when it stays away.
    pub async fn publish(&self, topic: String, body: Vec<u8>) -> Result<(), Failure> {
        let sent = self.client.publish(topic, QoS::AtLeastOnce, false, body).await;
        sent.map_err(|_nobody_carries| {
            let (broker, seconds) = (&self.broker, AWAY_MAX.as_secs());
            format!("the MQTT broker at {broker} has been away for {seconds} s").into()
        })
    }
}

/// Carries messages to the broker until it has been away for too long: with the event loop ends the queue, and whoever
/// waits for room in it is told.
async fn carry(mut events: EventLoop, tasks: Tasks) {
    let mut away_since = None;
    loop {
        match events.poll().await {
            Ok(_there) => away_since = None,
            Err(error) => {
                tracing::warn!(%error, "the MQTT broker is away");
                if away_since.get_or_insert_with(Instant::now).elapsed() >= AWAY_MAX {
                    return;
                }
                tasks.sleep(RECONNECT_WAIT).await;
            }
        }
    }
}

/// Where a device speaks.
fn topic_of(device_id: &str) -> String {
    format!("parkmesh/devices/{device_id}/up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_never_comes_is_not_waited_for_for_ever() {
        let clock = Clock::system();
        let tasks = Tasks::new(&clock);
        let began = Instant::now();
        // Nobody listens on the port of tcpmux.
        let publisher =
            Publisher::connect("mqtt://127.0.0.1:1", "test", &clock, &tasks).expect("an address");
        let failure = loop {
            if let Err(failure) = publisher.reading("a-device", true).await {
                break failure.to_string();
            }
        };
        assert_eq!(failure, "the MQTT broker at 127.0.0.1:1 has been away for 60 s");
        assert!(began.elapsed() >= AWAY_MAX && began.elapsed() < 2 * AWAY_MAX);
        tasks.stop().await;
    }
}
