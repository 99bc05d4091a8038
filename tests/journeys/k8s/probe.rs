//! Probes, asked as the kubelet asks them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A probe with the ports of this machine.
pub struct Probe {
    how: How,
    delay: Duration,
    period: Duration,
    timeout: Duration,
    failures: u64,
}

enum How {
    /// `grpc.health.v1.Health/Check` of a service, or of the whole server.
    Grpc { port: u16, service: String },
    /// GET of a path.
    Http { port: u16, path: String },
}

impl Probe {
    /// A probe of a manifest; what it does not say is as Kubernetes has it.
    pub fn read(probe: &Value, named: &Value, ports: &BTreeMap<u16, u16>) -> Self {
        let number = |name: &str, default| probe[name].as_u64().unwrap_or(default);
        let seconds = |name: &str, default| Duration::from_secs(number(name, default));
        let here = |port: &Value| here(port, named, ports);
        let (grpc, http) = (&probe["grpc"], &probe["httpGet"]);
        let how = if grpc.is_object() {
            assert!(grpc["port"].is_number(), "a grpc probe takes no name of a port: {grpc}");
            let service = grpc["service"].as_str().unwrap_or_default().to_owned();
            How::Grpc { port: here(&grpc["port"]), service }
        } else {
            let path = http["path"].as_str().expect("a path").to_owned();
            How::Http { port: here(&http["port"]), path }
        };
        Self {
            how,
            delay: seconds("initialDelaySeconds", 0),
            period: seconds("periodSeconds", 10),
            timeout: seconds("timeoutSeconds", 1),
            failures: number("failureThreshold", 3),
        }
    }

    /// Asks, period by period, until it passes or has failed too often in a row.
    pub async fn passes(&self) -> Result<(), String> {
        tokio::time::sleep(self.delay).await;
        let mut last = Err("never asked".to_owned());
        for attempt in 0..self.failures {
            if attempt > 0 {
                tokio::time::sleep(self.period).await;
            }
            last = tokio::time::timeout(self.timeout, self.ask())
                .await
                .unwrap_or_else(|_late| Err(format!("no answer in {:?}", self.timeout)));
            if last.is_ok() {
                break;
            }
        }
        last
    }

    async fn ask(&self) -> Result<(), String> {
        match &self.how {
            How::Grpc { port, service } => grpc(*port, service).await,
            How::Http { port, path } => http(*port, path).await,
        }
    }
}

async fn grpc(port: u16, service: &str) -> Result<(), String> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("an address");
    let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel).check(request).await;
    let status = answer.map_err(|status| format!("{status:?}"))?.into_inner().status();
    if status == ServingStatus::Serving { Ok(()) } else { Err(format!("{status:?}")) }
}

async fn http(port: u16, path: &str) -> Result<(), String> {
    let asked = async {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = asked.await.map_err(|error| error.to_string())?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(answer) }
}

/// A port of the container, by number or name, on this machine.
fn here(port: &Value, named: &Value, ports: &BTreeMap<u16, u16>) -> u16 {
    let mut declared = named.as_array().into_iter().flatten();
    let number = match port {
        Value::String(_) => {
            declared.find(|one| one["name"] == *port).map(|one| &one["containerPort"])
        }
        _ => Some(port),
    };
    let number = number.and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok());
    let number = number.unwrap_or_else(|| panic!("no port {port} among {named}"));
    *ports.get(&number).unwrap_or_else(|| panic!("{number} is not a port of {named}"))
}
