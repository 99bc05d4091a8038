//! A running `up` with a city of sensors, for proofs of what concerns them.

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parkmesh_contracts::booking::v1::ListLotsRequest;
use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::sensor::v1::ListSensorsRequest;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::Failure;
use crate::up::{self, Up};

/// Sensors of a bench speak when something changes, and otherwise hardly ever.
const HEARTBEAT_SECONDS: u32 = 604_800;
/// How long a process that was killed may take to be there again.
const BACK_MAX: Duration = Duration::from_secs(120);
const LOOK_PERIOD: Duration = Duration::from_millis(10);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A city.
pub struct City {
    up: Up,
    home: std::path::PathBuf,
    heartbeat_seconds: String,
}

impl City {
    /// Starts one with so many spots and sensors, all of which have said once that nothing stands there.
    pub fn start(name: &str, spots: u32) -> Result<Self, Failure> {
        Self::with_heartbeats(name, spots, HEARTBEAT_SECONDS)
    }

    /// The same with sensors that speak so often when nothing changes.
    pub fn with_heartbeats(name: &str, spots: u32, seconds: u32) -> Result<Self, Failure> {
        let (binary, home) = (up::binary()?, up::home(name)?);
        let up = Up::start(&binary, &home, &["--no-seed", "--ephemeral"])?;
        let city = Self { up, home, heartbeat_seconds: seconds.to_string() };
        let made = city.simulate(spots, &["--occupancy", "0", "--minutes", "0.6"])?;
        if !made.success() {
            return Err("the city could not be made".into());
        }
        Ok(city)
    }

    /// `parkmesh simulate` in it, to be started.
    pub fn simulation(&self, spots: u32, args: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(up::binary()?);
        command
            .args(["simulate", "--day", "flat", "--spots", &spots.to_string()])
            .args(["--heartbeat-seconds", &self.heartbeat_seconds])
            .args(["--gateway", &self.up.told("/gateway")?])
            .arg("--home")
            .arg(&self.home)
            .args(args);
        Ok(command)
    }

    /// `parkmesh simulate` in it, to its end.
    pub fn simulate(&self, spots: u32, args: &[&str]) -> Result<ExitStatus, Failure> {
        Ok(self.simulation(spots, args)?.stdout(Stdio::null()).status()?)
    }

    /// A file of the proof's own.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.home.join(name)
    }

    /// Kills a role or a server, and waits until its successor runs.
    pub async fn kill(&self, name: &str) -> Result<(), Failure> {
        let before = self.up.kill(name)?;
        let began = Instant::now();
        while self.up.pid(name).is_ok_and(|pid| pid == before) {
            if began.elapsed() > BACK_MAX {
                return Err(format!("{name} did not come back").into());
            }
            crate::pause(LOOK_PERIOD).await;
        }
        Ok(())
    }

    /// Redis.
    pub fn redis(&self) -> Result<String, Failure> {
        self.up.told("/servers/redis")
    }

    /// The gateway.
    pub fn gateway(&self) -> Result<Channel, Failure> {
        connect(self.up.told("/gateway")?)
    }

    /// Where a service itself is.
    pub fn url(&self, role: &str) -> Result<String, Failure> {
        self.up.told(&format!("/services/{role}"))
    }

    /// A service itself.
    pub fn channel(&self, role: &str) -> Result<Channel, Failure> {
        connect(self.url(role)?)
    }

    /// A token of `up.json`.
    pub fn token(&self, of: &str) -> Result<String, Failure> {
        self.up.told(&format!("/tokens/{of}"))
    }

    /// The token with which a role calls others.
    pub fn service_token(&self, role: &str) -> Result<String, Failure> {
        Ok(std::fs::read_to_string(self.home.join(format!("keys/{role}.token")))?)
    }

    /// The database, as its administrator.
    pub fn postgres(&self) -> String {
        self.up.told("/servers/postgres").unwrap_or_default()
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

/// How long ago a time was; nothing for one that is yet to come.
pub fn since(time: Timestamp) -> Duration {
    Duration::try_from(now().duration_since(time)).unwrap_or_default()
}

/// The time on the wall.
#[expect(clippy::disallowed_methods, reason = "a bench is outside of the house")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
