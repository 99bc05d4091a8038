//! The only file that knows all parts: puts them together and starts them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::Running;
use parkmesh_platform::tasks::Tasks;
use tokio::sync::mpsc;

use crate::batches::Batcher;
use crate::config::Config;
use crate::devices::Devices;
use crate::interpret::Interpreter;
use crate::metrics::Metrics;
use crate::mqtt::{self, Broker, BrokerError, Room};
use crate::uplink::Uplink;

/// The name of the role.
pub const NAME: &str = "sensor-bridge";

/// What the bridge is given.
pub struct Deps {
    /// The time.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// The way to `sensor`.
    pub sensor: Channel,
}

/// The bridge did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker's address.
    #[error("the address of the MQTT broker is not usable")]
    Broker(#[from] BrokerError),
}

/// Starts the bridge. A broker or a sensor service that is away is no error: it connects when they
/// are there.
///
/// # Errors
/// When the broker's address is not usable.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    Broker::parse(&config.mqtt_url)?;
    let tasks = Tasks::new(&deps.clock);
    let sensor = SensorServiceClient::new(deps.sensor);
    let (deliveries, received) = mpsc::channel(config.waiting_max.max(1));
    let (batches, carried) = mpsc::channel(1);
    let metrics = Metrics::default();
    let batcher = Batcher {
        interpreter: Interpreter::new(config.topics(), config.mappings.clone()),
        devices: Devices::new(sensor.clone(), &tasks),
        clock: deps.clock.clone(),
        metrics: metrics.clone(),
        batch_max: config.batch_max.max(1),
        asked: HashMap::new(),
    };
    let uplink = Uplink::new(sensor, config.window, metrics);
    tasks.spawn("uplink", uplink.run(carried, tasks.clone()));
    tasks.spawn("batches", batcher.run(received, batches));
    let (clock, room) = (deps.clock, Room::new(config.room_bytes));
    tasks.supervise("mqtt", move || {
        let (config, clock) = (config.clone(), clock.clone());
        let (deliveries, room) = (deliveries.clone(), room.clone());
        async move { mqtt::session(&config, &clock, &deliveries, &room).await }
    });
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let mut running = Running::new(nowhere, None, tasks.token());
    running.on_stop("tasks", async move { tasks.stop().await });
    Ok(running)
}
