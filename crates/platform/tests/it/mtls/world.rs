//! A service that answers whatever is asked of payment, and those who ask it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::Frame;
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::payment::v1::{AuthorizePaymentRequest, CapturePaymentRequest};
use parkmesh_platform::channel::{Channel, ChannelConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{Running, ServeConfig, Server};
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::tls::{Authority, Issued, Mtls};
use parkmesh_testkit::{Certificates, Tokens, authority, listener};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::{Code, Status};

/// Answers any method with an empty message.
#[derive(Clone)]
struct Payment;

impl tonic::server::NamedService for Payment {
    const NAME: &'static str = "parkmesh.payment.v1.PaymentService";
}

impl tower::Service<Request<Body>> for Payment {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let empty = Frame::data(Bytes::from_static(&[0; 5]));
        let frames = [Ok::<_, Status>(empty), Ok(Frame::trailers(trailers))];
        let body = Body::new(StreamBody::new(tokio_stream::iter(frames)));
        let answer = Response::builder().header("content-type", "application/grpc").body(body);
        Box::pin(async move { Ok(answer.unwrap()) })
    }
}

/// Payment, with mTLS, and its authority.
pub struct World {
    pub authority: Authority,
    pub payment: Certificates,
    pub mtls: Mtls,
    pub addr: SocketAddr,
    pub tokens: Tokens,
    pub tasks: Tasks,
    _running: Running,
}

impl World {
    pub async fn new() -> Self {
        Self::with(ServeConfig::default()).await
    }

    pub async fn with(config: ServeConfig) -> Self {
        let (clock, ids) = (Clock::system(), Ids::random());
        let (tasks, authority) = (Tasks::new(&clock), authority());
        let payment = Certificates::new(&authority, "payment");
        let mtls = Mtls::open(&payment.config(), &tasks).unwrap();
        let tokens = Tokens::new(&clock, &ids);
        let verifier = tokens.verifier(&tasks).await.with_mtls(mtls.clone());
        let server = Server::new("payment", config, &ids, &verifier).service(Payment);
        let running = server.start(listener().await).await.unwrap();
        running.ready().await;
        let addr = running.addr;
        Self { authority, payment, mtls, addr, tokens, tasks, _running: running }
    }

    /// A service of ours, with its certificate.
    pub fn service(&self, name: &str) -> (Certificates, Mtls) {
        let files = Certificates::new(&self.authority, name);
        let mtls = Mtls::open(&files.config(), &self.tasks).unwrap();
        (files, mtls)
    }

    /// The way from a service to payment.
    pub fn channel(&self, mtls: &Mtls) -> Channel {
        self.channel_to("payment", mtls)
    }

    /// The way from a service to whom it takes for somebody.
    pub fn channel_to(&self, service: &str, mtls: &Mtls) -> Channel {
        let config = ChannelConfig::of(service, format!("http://{}", self.addr));
        Channel::connect(&config, mtls.clone(), &self.tasks).unwrap()
    }

    /// What payment says to a service with this certificate.
    pub async fn authorize(&self, service: &str) -> Result<(), Status> {
        let (_files, mtls) = self.service(service);
        authorize(self.channel(&mtls)).await
    }

    /// The same, of a call that people make, with this token.
    pub async fn capture(&self, service: &str, token: Option<&str>) -> Result<(), Status> {
        let (_files, mtls) = self.service(service);
        let mut request = tonic::Request::new(CapturePaymentRequest::default());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let mut client = PaymentServiceClient::new(self.channel(&mtls));
        client.capture_payment(request).await.map(|_| ())
    }
}

/// Booking's alone to call.
pub async fn authorize(channel: Channel) -> Result<(), Status> {
    let request = AuthorizePaymentRequest::default();
    PaymentServiceClient::new(channel).authorize_payment(request).await.map(|_| ())
}

/// Code and reason of a refusal.
pub fn refusal(status: &Status) -> (Code, String) {
    use tonic_types::StatusExt;
    let info = status.get_details_error_info();
    (status.code(), info.map(|info| info.reason).unwrap_or_default())
}

/// TLS as anybody can speak it, with this certificate; whoever is signed by the authority is good.
pub fn plain_client(authority: &Authority, shown: Option<&Issued>) -> Arc<rustls::ClientConfig> {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(authority));
    let mut config = match shown {
        Some(shown) => {
            let (chain, key) = parts(shown);
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A server that shows this certificate, and asks for none.
pub fn plain_server(shown: &Issued) -> Arc<rustls::ServerConfig> {
    let (chain, key) = parts(shown);
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

fn roots(authority: &Authority) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap()).unwrap();
    roots
}

fn parts(issued: &Issued) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    (vec![chain], PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap())
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
