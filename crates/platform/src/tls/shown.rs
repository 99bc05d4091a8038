//! A certificate that is shown to whoever connects.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::sign::SingleCertAndKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::followed::{self, Followed, LOOK_PERIOD};
use super::{CertificateFiles, TlsError};
use crate::tasks::Tasks;

/// Takes connections of strangers in, and asks for no certificate of theirs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shown(Arc<Followed<ServerConfig>>);

impl Shown {
    /// Reads the files, and follows them until `tasks` ends or nobody holds this any more. Clients choose among
    /// `protocols`; the first that both know counts.
    ///
    /// # Errors
    /// What is wrong with the files now.
    pub fn open(
        files: &CertificateFiles,
        protocols: &'static [&'static str],
        tasks: &Tasks,
    ) -> Result<Self, TlsError> {
        let own = files.clone();
        let load = move |texts: &[Vec<u8>]| server(&own, protocols, texts);
        Followed::start(&files.paths(), LOOK_PERIOD, tasks, load).map(Self)
    }

    /// Whether these files can be used.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(files: &CertificateFiles) -> Result<(), TlsError> {
        followed::look(&files.paths(), |texts| server(files, &[], texts)).map(|_| ())
    }

    /// Shows the certificate of this moment.
    ///
    /// # Errors
    /// When the other side does not want it, or breaks off.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.0.current()).accept(socket).await
    }
}

fn server(
    files: &CertificateFiles,
    protocols: &[&str],
    texts: &[Vec<u8>],
) -> Result<ServerConfig, TlsError> {
    let key = files.load(&texts[0], &texts[1])?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}
