//! The admin listener, with Envoy's paths. Plain HTTP for people and their tools, inside only: it is off until
//! an address is set.

mod dump;
mod stats;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::telemetry;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::live::Live;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const HELP: &str = "\
/ready            whether calls are taken
/stats            counts and gauges; ?filter=<part of a name>
/stats/prometheus all metrics, for Prometheus
/clusters         replicas and how they do
/config_dump      the settings that count, as JSON, without secrets
/listeners        where it listens
/server_info      version, state, how long it runs
/drain_listeners  POST: takes no more connections and ends streams with a reason
/logging          POST: ?level=<filter>, for example info or parkmesh_gateway=debug
";

/// What the admin listener tells of.
pub struct Admin {
    live: Arc<Live>,
    started: Instant,
}

type Answer = Response<Full<Bytes>>;

/// Answers until `tasks` ends.
pub fn serve(listener: TcpListener, live: &Arc<Live>, tasks: &Tasks) {
    let admin = Arc::new(Admin { live: Arc::clone(live), started: Instant::now() });
    let connections = tasks.clone();
    tasks.spawn("gateway-admin", async move {
        while let Ok((socket, _)) = listener.accept().await {
            let admin = Arc::clone(&admin);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let admin = Arc::clone(&admin);
                async move { Ok::<_, Infallible>(admin.answer(&request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            connections.spawn("gateway-admin-connection", async move { drop(connection.await) });
        }
    });
}

impl Admin {
    async fn answer<B>(&self, request: &Request<B>) -> Answer {
        let query = request.uri().query().unwrap_or_default();
        let posted = request.method() == Method::POST;
        match request.uri().path() {
            "/" | "/help" => text(StatusCode::OK, TEXT, HELP.to_owned()),
            "/ready" => self.ready(),
            "/stats" => {
                let filter = argument(query, "filter").unwrap_or_default();
                text(StatusCode::OK, TEXT, stats::text(&self.live, &filter))
            }
            "/stats/prometheus" => {
                let all = telemetry::render_metrics() + &stats::prometheus(&self.live);
                text(StatusCode::OK, METRICS, all)
            }
            "/clusters" => text(StatusCode::OK, TEXT, stats::clusters(&self.live)),
            "/config_dump" => {
                let dump = dump::config(&self.live.gate().config);
                text(StatusCode::OK, JSON, format!("{dump:#}\n"))
            }
            "/listeners" => {
                let lines = self.live.listeners().into_iter();
                let lines = lines.map(|(name, addr)| format!("{name}::{addr}\n"));
                text(StatusCode::OK, TEXT, lines.collect())
            }
            "/server_info" => text(StatusCode::OK, JSON, format!("{:#}\n", self.info())),
            "/drain_listeners" if posted => {
                self.live.drain().await;
                text(StatusCode::OK, TEXT, "OK\n".to_owned())
            }
            "/logging" if posted => logging(query),
            "/drain_listeners" | "/logging" => {
                let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "POST\n".to_owned());
                let allowed = header::HeaderValue::from_static("POST");
                refused.headers_mut().insert(header::ALLOW, allowed);
                refused
            }
            _ => text(StatusCode::NOT_FOUND, TEXT, HELP.to_owned()),
        }
    }

    fn ready(&self) -> Answer {
        let state = self.live.state();
        let status = if state == "LIVE" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        text(status, TEXT, format!("{state}\n"))
    }

    fn info(&self) -> serde_json::Value {
        let (taken, refused) = self.live.reloads.counts();
        serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "state": self.live.state(),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "config_path": self.live.gate().config.source.as_ref().map(|source| source.path.clone()),
            "reloads": { "taken": taken, "refused": refused },
        })
    }
}

fn logging(query: &str) -> Answer {
    let Some(filter) = argument(query, "level") else {
        return text(StatusCode::BAD_REQUEST, TEXT, "?level=<filter>\n".to_owned());
    };
    match telemetry::set_log(&filter) {
        Ok(()) => text(StatusCode::OK, TEXT, format!("{filter}\n")),
        Err(error) => text(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
    }
}

/// An argument of a query. Names and filters need no escapes but these.
fn argument(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.replace("%2C", ",").replace("%3D", "=").replace("%3A", ":").replace('+', " "))
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_found_by_its_name() {
        let query = "usedonly&filter=cluster.a&level=info%2Ch2%3Dwarn";
        assert_eq!(argument(query, "filter").as_deref(), Some("cluster.a"));
        assert_eq!(argument(query, "level").as_deref(), Some("info,h2=warn"));
        assert_eq!(argument(query, "usedonly"), None);
    }
}
