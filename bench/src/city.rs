//! A running `up` with a city of sensors, for proofs of what concerns them.

use std::process::Command;
use std::time::Duration;

use parkmesh_contracts::booking::v1::ListLotsRequest;
use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::sensor::v1::ListSensorsRequest;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::Failure;
use crate::up::{self, Up};

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A city.
pub struct City {
    up: Up,
    home: std::path::PathBuf,
}

impl City {
    /// Starts one with so many spots and sensors, all of which have said once that nothing stands there.
    pub fn start(name: &str, spots: u32) -> Result<Self, Failure> {
        let (binary, home) = (up::binary()?, up::home(name)?);
        let up = Up::start(&binary, &home, &["--no-seed", "--ephemeral"])?;
        let status = Command::new(&binary)
            .args(["simulate", "--spots", &spots.to_string(), "--occupancy", "0"])
            .args(["--heartbeat-seconds", "604800", "--minutes", "0.6"])
            .args(["--gateway", up.file["gateway"].as_str().unwrap_or_default(), "--home"])
            .arg(&home)
            .stdout(std::process::Stdio::null())
            .status()?;
        if !status.success() {
            return Err("the city could not be made".into());
        }
        Ok(Self { up, home })
    }

    fn told(&self, path: &str) -> Result<String, Failure> {
        let told = self.up.file.pointer(path).and_then(serde_json::Value::as_str);
        Ok(told.ok_or_else(|| format!("up.json has no {path}"))?.to_owned())
    }

    /// The gateway.
    pub fn gateway(&self) -> Result<Channel, Failure> {
        connect(self.told("/gateway")?)
    }

    /// A service itself.
    pub fn channel(&self, role: &str) -> Result<Channel, Failure> {
        connect(self.told(&format!("/services/{role}"))?)
    }

    /// A token of `up.json`.
    pub fn token(&self, of: &str) -> Result<String, Failure> {
        self.told(&format!("/tokens/{of}"))
    }

    /// The token with which a role calls others.
    pub fn service_token(&self, role: &str) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(self.home.join(format!("keys/{role}.token")))?)
    }

    /// The database, as its administrator.
    pub fn postgres(&self) -> String {
        self.told("/servers/postgres").unwrap_or_default()
    }

    /// The time since 1970.
    pub fn since_1970(&self) -> Result<Duration, Failure> {
        #[expect(clippy::disallowed_methods, reason = "a bench is outside of the house")]
        Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?)
    }

    /// All lots.
    pub async fn lots(&self) -> Result<Vec<String>, Failure> {
        let request = ListLotsRequest { page_size: 200, page_token: String::new() };
        let request = bearer(Request::new(request), &self.token("operator")?)?;
        let mut client = InventoryServiceClient::new(self.gateway()?);
        let lots = client.list_lots(request).await?.into_inner().lots;
        Ok(lots.into_iter().map(|lot| lot.lot_id).collect())
    }

    /// The devices of all sensors.
    pub async fn devices(&self) -> Result<Vec<String>, Failure> {
        let mut client =
            SensorServiceClient::new(self.gateway()?).max_decoding_message_size(ANSWER_BYTES_MAX);
        let mut devices = Vec::new();
        for lot_id in self.lots().await? {
            let request =
                ListSensorsRequest { lot_id, page_size: 1_000, page_token: String::new() };
            let request = bearer(Request::new(request), &self.token("operator")?)?;
            let sensors = client.list_sensors(request).await?.into_inner().sensors;
            devices.extend(sensors.into_iter().map(|sensor| sensor.device_id));
        }
        Ok(devices)
    }
}

fn connect(url: String) -> Result<Channel, Failure> {
    Ok(Endpoint::from_shared(url)?.tcp_nodelay(true).connect_lazy())
}

/// The same request with a token.
pub fn bearer<T>(mut request: Request<T>, token: &str) -> Result<Request<T>, Failure> {
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
    Ok(request)
}
