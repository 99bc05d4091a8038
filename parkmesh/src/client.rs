//! A client of the gateway, as any program outside would write one.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::Failure;
use crate::cli::Target;

/// Largest answer that is read, in bytes: a page of a thousand spots fits many times.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a connection may take to be made.
const CONNECT_MAX: std::time::Duration = std::time::Duration::from_secs(2);

/// Adds a token to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A way to the gateway with a token.
pub type Gateway = InterceptedService<Channel, Bearer>;

/// Connects to a gateway as whoever the token names.
pub async fn connect(url: &str, token: &str) -> Result<Gateway, Failure> {
    let endpoint = Endpoint::from_shared(url.to_owned())?.tcp_nodelay(true);
    let channel = endpoint.connect().await.map_err(|error| {
        format!("no gateway answers at {url} ({error}); is `parkmesh up` running?")
    })?;
    over(channel, token)
}

/// A connection that is made anew whenever it is lost.
pub fn lasting(url: &str) -> Result<Channel, Failure> {
    let endpoint = Endpoint::from_shared(url.to_owned())?.tcp_nodelay(true);
    Ok(endpoint.connect_timeout(CONNECT_MAX).connect_lazy())
}

/// The same connection for whoever the token names.
pub fn over(channel: Channel, token: &str) -> Result<Gateway, Failure> {
    let bearer = Bearer(format!("Bearer {token}").parse()?);
    Ok(InterceptedService::new(channel, bearer))
}

/// What `up` tells in `up.json`: every address, and tokens to try things with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct UpFile {
    /// The gateway, for apps.
    pub gateway: String,
    /// Every role's gRPC (or HTTP) address.
    pub services: std::collections::BTreeMap<String, String>,
    /// Every role's admin address.
    pub admin: std::collections::BTreeMap<String, String>,
    /// The servers underneath.
    pub servers: std::collections::BTreeMap<String, String>,
    /// Development tokens by who they name.
    pub tokens: std::collections::BTreeMap<String, String>,
    /// The demo mall, if there is one.
    pub lot_id: Option<String>,
    /// Where the servers keep their data.
    pub folders: std::collections::BTreeMap<String, String>,
    /// The file whose number, in milliseconds, moves the clock of every process.
    pub clock_offset_file: String,
    /// Process of `up` itself.
    pub pid: u32,
}

impl UpFile {
    /// Reads `<home>/up.json`.
    pub fn read(home: &Path) -> Result<Self, Failure> {
        let path = home.join("up.json");
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!(
                "{} is not readable ({error}); start `parkmesh up`, or give --token and --mqtt",
                path.display()
            )
        })?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl Target {
    /// The operator's token: given, or from up.json.
    pub fn operator_token(&self) -> Result<String, Failure> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let tokens = UpFile::read(&self.home)?.tokens;
        tokens.get("operator").cloned().ok_or_else(|| "up.json holds no operator token".into())
    }

    /// The broker: given, or from up.json.
    pub fn mqtt_url(&self) -> Result<String, Failure> {
        if let Some(url) = &self.mqtt {
            return Ok(url.clone());
        }
        let servers = UpFile::read(&self.home)?.servers;
        servers.get("mqtt").cloned().ok_or_else(|| "up.json names no MQTT broker".into())
    }
}
