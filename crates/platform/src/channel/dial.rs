//! How a connection to a service is made: plain, or with TLS to whoever proves its name.

use std::io;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel as Connection, Endpoint as Connector};
use tower::Service;

use super::ChannelError;
use crate::auth::Credential;
use crate::tls::Towards;

/// Makes the connections to one service. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Dialer {
    /// Whoever is there.
    Plain,
    /// The one that is meant, whatever its address.
    Proven(Proven),
}

/// Dials, and goes on if the other side proves that it is who is meant.
#[derive(Clone, Debug)]
pub(super) struct Proven(Towards);

impl Dialer {
    /// What a credential asks for.
    ///
    /// # Errors
    /// When no certificate can name this service.
    pub fn to(service: &str, credential: &Credential) -> Result<Self, ChannelError> {
        let Credential::Certificate(mtls) = credential else { return Ok(Self::Plain) };
        Ok(Self::Proven(Proven(mtls.towards(mtls.service(service)?))))
    }

    /// A connection that is made when it is first used, and again whenever it is lost.
    pub fn connect_lazy(&self, connector: &Connector) -> Connection {
        match self {
            Self::Plain => connector.connect_lazy(),
            Self::Proven(proven) => connector.connect_with_connector_lazy(proven.clone()),
        }
    }
}

impl Proven {
    async fn dial(self, to: Uri) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let socket = TcpStream::connect((host, to.port_u16().unwrap_or_default())).await?;
        // Small messages both ways: waiting to fill a packet only adds latency.
        socket.set_nodelay(true)?;
        self.0.connect(socket).await.map(TokioIo::new)
    }
}

impl Service<Uri> for Proven {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().dial(to))
    }
}
