//! Which model and firmware each device is of, as the sensor service knows it.

use std::collections::HashMap;
use std::time::Duration;

use parkmesh_contracts::sensor::v1::ResolveDevicesRequest;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::tasks::Tasks;
use tokio::time::Instant;
use tonic::{Code, Status};

/// Devices of one question; the contract allows no more.
const ASKED_MAX: usize = 1_000;
/// How long an answer is believed.
const REFRESH_AFTER: Duration = Duration::from_secs(60);
/// Devices remembered; then the memory begins anew.
const KNOWN_MAX: usize = 200_000;
/// Wait before the question is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What is registered of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Chooses the decoder.
    pub model: String,
    /// Chooses between decoders of one model.
    pub firmware: String,
}

impl Registered {
    /// A device of this model and firmware.
    pub fn new(model: impl Into<String>, firmware: impl Into<String>) -> Self {
        Self { model: model.into(), firmware: firmware.into() }
    }
}

struct Known {
    registered: Registered,
    asked: Instant,
}

/// The memory. Only the known are remembered: who is registered a moment later must be known a
/// moment later.
pub struct Devices {
    client: SensorServiceClient<Channel>,
    tasks: Tasks,
    known: HashMap<String, Known>,
}

impl Devices {
    /// Nothing known yet.
    pub fn new(client: SensorServiceClient<Channel>, tasks: &Tasks) -> Self {
        Self { client, tasks: tasks.clone(), known: HashMap::new() }
    }

    /// Learns of these devices what is not known or no longer fresh. Waits for the sensor service
    /// as long as it is away:
    /// without it nothing could be handed on anyway.
    pub async fn learn(&mut self, mut names: Vec<String>) {
        names.retain(|name| self.asked(name).is_none_or(|asked| asked.elapsed() > REFRESH_AFTER));
        names.sort_unstable();
        names.dedup();
        for chunk in names.chunks(ASKED_MAX) {
            while let Err(status) = self.ask(chunk).await {
                tracing::warn!(%status, "devices could not be resolved");
                // An old answer is better than a wait, and a question that makes no sense makes none later either.
                let answered = chunk.iter().all(|name| self.known.contains_key(name));
                if answered || status.code() == Code::InvalidArgument {
                    break;
                }
                self.tasks.sleep(AGAIN_AFTER).await;
            }
        }
    }

    /// What is registered of the device, if it is.
    pub fn find(&self, name: &str) -> Option<&Registered> {
        self.known.get(name).map(|known| &known.registered)
    }

    fn asked(&self, name: &str) -> Option<Instant> {
        self.known.get(name).map(|known| known.asked)
    }

    async fn ask(&mut self, names: &[String]) -> Result<(), Status> {
        let request = ResolveDevicesRequest { device_ids: names.to_vec() };
        let answer = self.client.resolve_devices(request).await?.into_inner();
        if self.known.len() + answer.devices.len() > KNOWN_MAX {
            self.known.clear();
        }
        for name in names {
            self.known.remove(name);
        }
        let asked = Instant::now();
        for device in answer.devices {
            let registered = Registered::new(device.model, device.firmware);
            self.known.insert(device.device_id, Known { registered, asked });
        }
        Ok(())
    }
}
