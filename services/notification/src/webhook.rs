//! Webhooks: calls of somebody's server, signed as Standard Webhooks has it.
//!
//! The address is theirs, so it is not trusted: its host is looked up, every address that it has must be of the
//! open Internet, and the connection is made to one of those that were looked at. A name that leads elsewhere a
//! moment later thus leads nowhere. Redirections are not followed.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use parkmesh_contracts::ids::DeliveryId;
use parkmesh_platform::tasks::Tasks;
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::config::WebhookConfig;
use crate::domain::Notification;
use crate::domain::address::is_public;
use crate::domain::delivery::Outcome;
use crate::domain::preferences::Webhook;

/// How a secret begins.
pub const SECRET_PREFIX: &str = "whsec_";
/// What calls say of who calls.
const AGENT: &str = concat!("parkmesh/", env!("CARGO_PKG_VERSION"));

/// Calls webhooks.
#[derive(Clone)]
pub struct Caller {
    config: WebhookConfig,
    tls: TlsConnector,
    tasks: Tasks,
}

/// Why an address is none for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not `https://host/…`.
    #[error("must be an https address of a host, without a name and password in it")]
    Form,
    /// It says itself that it is in a private network.
    #[error("must not lead into a private network")]
    Private,
}

/// Where an address leads, as far as it says itself.
struct Target {
    uri: Uri,
    host: String,
    port: u16,
    secure: bool,
}

impl Target {
    fn parse(url: &str, private_allowed: bool) -> Result<Self, Unusable> {
        let uri: Uri = url.parse().map_err(|_| Unusable::Form)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if private_allowed => false,
            _ => return Err(Unusable::Form),
        };
        let authority = uri.authority().ok_or(Unusable::Form)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(Unusable::Form);
        }
        let literal = host.parse().is_ok_and(|address| !is_public(address));
        if literal && !private_allowed {
            return Err(Unusable::Private);
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { host, port, secure, uri })
    }
}

/// Whether webhooks may be sent there, as far as the address says it itself.
///
/// # Errors
/// Why not.
pub fn check(url: &str, config: WebhookConfig) -> Result<(), Unusable> {
    Target::parse(url, config.private_allowed).map(drop)
}

impl Caller {
    /// Trusts whom the machine trusts.
    pub fn new(config: WebhookConfig, tasks: &Tasks) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        let tls = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots.clone()).with_no_client_auth());
        // Only a provider without ciphers has no versions.
        let tls = tls.unwrap_or_else(|_| {
            ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
        });
        Self { config, tls: TlsConnector::from(Arc::new(tls)), tasks: tasks.clone() }
    }

    /// Calls a webhook once. The same delivery has the same `webhook-id` each time.
    pub async fn send(
        &self,
        delivery_id: DeliveryId,
        webhook: &Webhook,
        notification: &Notification,
        now: Timestamp,
    ) -> Outcome {
        let target = match Target::parse(&webhook.url, self.config.private_allowed) {
            Ok(target) => target,
            Err(unusable) => {
                return Outcome::Refused { status: 0, error: format!("the address {unusable}") };
            }
        };
        let body = body(notification).to_string();
        let call = self.call(delivery_id, &target, &webhook.secret, body, now);
        match tokio::time::timeout(self.config.timeout, call).await {
            Ok(Ok(status)) => told(status),
            Ok(Err(error)) => Outcome::Failed { status: 0, error: error.to_owned() },
            Err(_) => Outcome::Failed { status: 0, error: "it took too long".to_owned() },
        }
    }

    async fn call(
        &self,
        delivery_id: DeliveryId,
        target: &Target,
        secret: &str,
        body: String,
        now: Timestamp,
    ) -> Result<StatusCode, &'static str> {
        let address = self.address(target).await?;
        let stream = TcpStream::connect(address).await.map_err(|_| "it cannot be reached")?;
        let request = request(delivery_id, target, secret, body, now)?;
        if !target.secure {
            return self.exchange(stream, request).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| "its name is none")?;
        let stream = self.tls.connect(name, stream).await;
        self.exchange(stream.map_err(|_| "its certificate is not to be trusted")?, request).await
    }

    /// The address to connect to: looked up, and looked at.
    async fn address(&self, target: &Target) -> Result<SocketAddr, &'static str> {
        let found = lookup_host((target.host.as_str(), target.port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| "its name is not known")?.collect();
        let closed = |address: &SocketAddr| !is_public(address.ip());
        if !self.config.private_allowed && found.iter().any(closed) {
            return Err("it leads into a private network");
        }
        found.first().copied().ok_or("its name is not known")
    }

    async fn exchange<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, &'static str>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| "it speaks no HTTP")?;
        // Ends when the answer's head is there and the sender is dropped: the body is nobody's concern.
        self.tasks.spawn("webhook-connection", async move {
            let _ended = connection.await;
        });
        let response = sender.send_request(request).await.map_err(|_| "it did not answer")?;
        Ok(response.status())
    }
}

fn request(
    delivery_id: DeliveryId,
    target: &Target,
    secret: &str,
    body: String,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, &'static str> {
    let (id, time) = (delivery_id.to_string(), now.as_second().to_string());
    let signature = sign(secret, &id, &time, &body).ok_or("its secret is none")?;
    let path = target.uri.path_and_query().map_or("/", |path| path.as_str());
    let host = target.uri.authority().map_or("", |authority| authority.as_str());
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", time)
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| "its address makes no request")
}

/// What a call says.
fn body(notification: &Notification) -> serde_json::Value {
    let message = &notification.message;
    json!({
        "type": format!("parkmesh.{}", message.kind.word()),
        "timestamp": notification.create_time.to_string(),
        "data": {
            "notification_id": notification.notification_id.to_string(),
            "sequence": notification.sequence,
            "kind": message.kind.word(),
            "title": message.title,
            "body": message.body,
            "link": message.link,
            "booking_id": notification.booking_id.map(|id| id.to_string()),
            "lot_id": notification.lot_id.map(|id| id.to_string()),
        },
    })
}

/// `v1,` and the signature of id, time and body; `None` where the secret is none.
pub fn sign(secret: &str, id: &str, time: &str, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{time}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// A secret of these bytes.
pub fn secret(bytes: [u8; 32]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes))
}

fn told(status: StatusCode) -> Outcome {
    let code = i32::from(status.as_u16());
    match status {
        _ if status.is_success() => Outcome::Delivered { status: code },
        // Whoever says so wants nothing any more.
        StatusCode::GONE => {
            Outcome::Refused { status: code, error: "it says that it is gone".to_owned() }
        }
        _ if status.is_redirection() => {
            Outcome::Failed { status: code, error: "it leads elsewhere".to_owned() }
        }
        _ => Outcome::Failed { status: code, error: format!("it said {code}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_standards_own_example() {
        let signature = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(sign("whsec_%", "a", "1", ""), None);
        assert!(sign(&secret([7; 32]), "a", "1", "").is_some());
    }

    #[test]
    fn addresses_that_are_not_for_webhooks_say_why() {
        let check = |url| {
            check(url, WebhookConfig { private_allowed: false, timeout: std::time::Duration::ZERO })
        };
        for url in
            ["https://park.example/hook?a=1", "https://1.1.1.1:8443/", "https://[2606:4700::1]/"]
        {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in [
            "http://park.example/",
            "ftp://a/",
            "/hook",
            "",
            "https://a:b@park.example/",
            "https:///x",
        ] {
            assert_eq!(check(url), Err(Unusable::Form), "{url}");
        }
        for url in ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest"] {
            assert_eq!(check(url), Err(Unusable::Private), "{url}");
        }
    }
}
