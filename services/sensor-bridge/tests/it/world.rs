//! A bridge with topics of its own.

use std::net::SocketAddr;
use std::time::Duration;

use parkmesh_platform::channel::{Channel, ChannelConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use parkmesh_sensor_bridge::{Config, Deps};
use parkmesh_testkit::{Tokens, eventually, listener, mqtt_url};
use rumqttc::Transport;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::double::Double;

/// Nothing that is expected not to happen is awaited longer.
const QUIET: Duration = Duration::from_millis(400);

/// What happens to a wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Both ends see it.
    Cut,
    /// Nobody does: what is sent is swallowed.
    Freeze,
}

pub struct World {
    pub double: Double,
    pub config: Config,
    clock: Clock,
    ids: Ids,
    tasks: Tasks,
    sensor: Channel,
    bridge: Option<Running>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// With this config, but an own session and own topics, at the broker of all tests.
    pub async fn with(config: Config) -> Self {
        Self::at_own_broker(Config { mqtt_url: mqtt_url(), ..config }).await
    }

    /// The same at the broker that the config names.
    pub async fn at_own_broker(config: Config) -> Self {
        let (clock, ids) = (Clock::system(), Ids::random());
        let tasks = Tasks::new(&clock);
        let (double, address) = Double::start(&tasks).await;
        let token = Tokens::new(&clock, &ids).service_token("sensor-bridge");
        let sensor =
            Channel::connect(&ChannelConfig::of("sensor", address), token, &tasks).unwrap();
        let own = u64::from_be_bytes(ids.bytes());
        let config = Config {
            client_id: format!("bridge-{own:x}"),
            topic_root: format!("test-{own:x}"),
            session_expiry_seconds: 60,
            ..config
        };
        let mut world = Self { double, config, clock, ids, tasks, sensor, bridge: None };
        world.boot().await;
        // The first message that comes through tells that the session exists; from now on the broker
        // keeps what comes.
        eventually("a session", || async {
            world.publish("parkmesh/devices/first/up", "{}").await;
            (!world.double.readings().is_empty()).then_some(())
        })
        .await;
        world.quiet().await;
        world.double.forget();
        world
    }

    /// Starts the bridge (again).
    pub async fn boot(&mut self) {
        self.stop().await;
        let bridge = parkmesh_sensor_bridge::start(self.config.clone(), self.deps()).await.unwrap();
        self.bridge = Some(bridge);
    }

    /// Starts another bridge of the same group.
    pub async fn second(&self) -> Running {
        let client_id = format!("{}-second", self.config.client_id);
        self.another(Config { client_id, ..self.config.clone() }).await
    }

    /// Starts another bridge with this config, and gives it time to subscribe.
    pub async fn another(&self, config: Config) -> Running {
        let bridge = parkmesh_sensor_bridge::start(config, self.deps()).await.unwrap();
        self.quiet().await;
        bridge
    }

    fn deps(&self) -> Deps {
        Deps { clock: self.clock.clone(), ids: self.ids.clone(), sensor: self.sensor.clone() }
    }

    /// The tasks end wherever they are, as in a kill.
    pub async fn stop(&mut self) {
        if let Some(bridge) = self.bridge.take() {
            bridge.stop().await;
        }
    }

    pub async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.publish_all([(topic.to_owned(), payload.into(), false)]).await;
    }

    /// Publishes with QoS 1 and waits until the broker has all.
    pub async fn publish_all(&self, messages: impl IntoIterator<Item = (String, Vec<u8>, bool)>) {
        // Not through a harmed wire.
        let tls = self.config.tls.as_ref();
        let url = if tls.is_some() { self.config.mqtt_url.clone() } else { mqtt_url() };
        let (_, place) = url.split_once("://").unwrap();
        let (host, port) = place.rsplit_once(':').unwrap();
        let name = format!("publisher-{:x}", u64::from_be_bytes(self.ids.bytes()));
        let messages: Vec<_> = messages.into_iter().collect();
        let mut options = MqttOptions::new(name, host, port.parse().unwrap());
        if let Some(tls) = tls {
            options.set_transport(Transport::tls_with_config(tls.load().unwrap()));
        }
        let (client, mut events) = AsyncClient::new(options, 16);
        let mut waiting = messages.len();
        let root = self.config.topic_root.clone();
        let sending = async {
            for (topic, payload, retain) in messages {
                let topic = format!("{root}/{topic}");
                client.publish(topic, QoS::AtLeastOnce, retain, payload).await.unwrap();
            }
        };
        let polling = async {
            while waiting > 0 {
                if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
                    waiting -= 1;
                }
            }
        };
        tokio::join!(sending, polling);
    }

    /// Waits until the double has heard `count` readings of the device.
    pub async fn heard_from(&self, device: &str, count: usize) {
        eventually(&format!("{count} readings of {device}"), || async {
            let readings = self.double.readings();
            (readings.iter().filter(|reading| reading.device_id == device).count() >= count)
                .then_some(())
        })
        .await;
    }

    /// Waits long enough for what must not happen.
    pub async fn quiet(&self) {
        self.tasks.sleep(QUIET).await;
    }

    /// A way to the broker that can be harmed. Returns its address and what harms the connections of now.
    pub async fn wire(&self) -> (String, watch::Sender<Option<Harm>>) {
        let (scissors, cuts) = watch::channel(None);
        let listener = listener().await;
        let url = format!("mqtt://{}", listener.local_addr().unwrap());
        let broker: SocketAddr = mqtt_url().strip_prefix("mqtt://").unwrap().parse().unwrap();
        let tasks = self.tasks.clone();
        self.tasks.spawn("wire", async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tasks.spawn("connection", async move {
                    let mut far = TcpStream::connect(broker).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cuts.changed() => {}
                    }
                    if *cuts.borrow_and_update() == Some(Harm::Freeze) {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        (url, scissors)
    }
}
