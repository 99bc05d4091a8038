//! Asks replicas for their health (`grpc.health.v1`). Two bytes of an answer are looked at: no message
//! is decoded at the gate, and this one has a single field.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use parkmesh_platform::serve::{Deadline, GRPC_TIMEOUT};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;

use super::Cluster;
use super::host::Host;
use super::settings::HealthCheckConfig;

const CHECK: &str = "/grpc.health.v1.Health/Check";
/// Field 1, a varint: SERVING.
const SERVING: &[u8] = &[0x08, 0x01];
/// The answer of a health check, in bytes.
const ANSWER_BYTES_MAX: usize = 1_024;
/// Names of services that one byte can tell the length of.
pub const SERVICE_NAME_MAX: usize = 127;

/// What is remembered of a replica between two questions.
#[derive(Default)]
struct Record {
    due: Option<Instant>,
    good: u32,
    bad: u32,
}

/// Who was asked when.
#[derive(Default)]
pub struct Rounds {
    records: HashMap<SocketAddr, Record>,
}

impl Rounds {
    /// Asks everybody whose time it is.
    pub async fn go(&mut self, cluster: &Arc<Cluster>, config: &HealthCheckConfig) {
        let (hosts, now) = (cluster.members.all(), Deadline::after(std::time::Duration::ZERO).at);
        self.records.retain(|address, _| hosts.iter().any(|host| host.address == *address));
        let mut asked = JoinSet::new();
        for host in hosts {
            let record = self.records.entry(host.address).or_default();
            if record.due.is_some_and(|due| due > now) {
                continue;
            }
            let (cluster, config) = (Arc::clone(cluster), config.clone());
            asked.spawn(async move {
                let well = ask(&cluster, &host, &config).await;
                (host, well)
            });
        }
        let mut news = false;
        while let Some(answered) = asked.join_next().await {
            let Ok((host, well)) = answered else { continue };
            let record = self.records.entry(host.address).or_default();
            news |= record.note(cluster, &host, well, config);
        }
        if news {
            cluster.members.refresh(&cluster.config);
        }
    }
}

impl Record {
    /// Notes an answer; says whether the replica's standing changed.
    fn note(
        &mut self,
        cluster: &Cluster,
        host: &Host,
        well: bool,
        config: &HealthCheckConfig,
    ) -> bool {
        cluster.stats.health_check_attempt.add();
        let (counter, other) = if well {
            cluster.stats.health_check_success.add();
            (&mut self.good, &mut self.bad)
        } else {
            cluster.stats.health_check_failure.add();
            (&mut self.bad, &mut self.good)
        };
        *counter = counter.saturating_add(1);
        *other = 0;
        let threshold = if well { config.healthy_threshold } else { config.unhealthy_threshold };
        let mut news = *counter >= threshold && host.set_healthy(well);
        if news {
            let (cluster, address) = (&cluster.config.name, host.address);
            tracing::info!(cluster, %address, well, "the health of a replica changed");
        }
        if well {
            news |= host.monitor.take_back_well();
        }
        let wait = if well { config.interval } else { config.unhealthy_interval };
        self.due = Some(Deadline::after(wait).at);
        news
    }
}

/// Whether it says SERVING in time.
async fn ask(cluster: &Cluster, host: &Arc<Host>, config: &HealthCheckConfig) -> bool {
    let until = Deadline::after(config.timeout);
    let asked = async {
        let (mut ticket, _new) = host.calls.ticket(&cluster.breakers, &cluster.tasks).await.ok()?;
        let answer = ticket.sender.send_request(question(host, config, until)).await.ok()?;
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?;
        let frame = body.to_bytes();
        Some(frame.get(5..)? == SERVING)
    };
    timeout_at(until.at, asked).await.ok().flatten().unwrap_or_default()
}

fn question(host: &Host, config: &HealthCheckConfig, until: Deadline) -> Request<Body> {
    let mut request = Request::new(Body::new(Full::new(message(&config.service_name))));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = host.uri(http::uri::PathAndQuery::from_static(CHECK));
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("parkmesh-gateway-health"));
    headers.insert(GRPC_TIMEOUT, until.header());
    request
}

/// `HealthCheckRequest` in its frame: field 1, a string, left out when it is empty.
fn message(service: &str) -> Bytes {
    let mut field = Vec::with_capacity(service.len() + 2);
    if let (Ok(length @ 1..), true) =
        (u8::try_from(service.len()), service.len() <= SERVICE_NAME_MAX)
    {
        field.extend_from_slice(&[0x0a, length]);
        field.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(field.len()).unwrap_or_default();
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&field);
    frame.into()
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

    use super::*;

    #[test]
    fn what_we_write_and_look_for_is_what_protobuf_says() {
        for service in ["", "parkmesh.booking.v1.BookingService"] {
            let frame = message(service);
            let read = HealthCheckRequest::decode(&frame[5..]).expect("a message");
            assert_eq!(read.service, service);
            assert_eq!(usize::from(frame[4]), frame.len() - 5);
        }
        let written =
            |status: ServingStatus| HealthCheckResponse { status: status.into() }.encode_to_vec();
        assert_eq!(written(ServingStatus::Serving), SERVING);
        assert_ne!(written(ServingStatus::NotServing), SERVING);
        assert_ne!(written(ServingStatus::Unknown), SERVING);
    }
}
