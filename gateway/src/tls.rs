//! TLS of a listener: the certificate is read again when its files change, and connections that stand go on with
//! the one that they began with.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use parkmesh_platform::tasks::Tasks;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::interval;
use tokio_rustls::TlsAcceptor;

/// Between two looks at the files: what renews them gives no better sign.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// What a listener needs for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate and what vouches for it, in PEM.
    pub certificate_chain: PathBuf,
    /// Its key, in PEM.
    pub private_key: PathBuf,
}

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{path} is not readable")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What stands in it.
    #[error("{path} holds no certificate and key in PEM: {why}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The two do not belong together, or TLS knows nothing like them.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// The texts of both files.
type Texts = (Vec<u8>, Vec<u8>);

/// The certificate that new connections are shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Whether these files can be used.
///
/// # Errors
/// What is wrong with them.
pub fn check(config: &TlsConfig) -> Result<(), TlsError> {
    load(config, &read(config)?).map(|_| ())
}

/// Takes TLS connections in; HTTP/2 where the client can, else HTTP/1.1. Follows the files until `tasks` ends,
/// or nobody takes connections in with it any more.
///
/// # Errors
/// What is wrong with the files now.
pub fn acceptor(config: &TlsConfig, tasks: &Tasks) -> Result<TlsAcceptor, TlsError> {
    let texts = read(config)?;
    let shown = Arc::new(Shown(RwLock::new(load(config, &texts)?)));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    follow(config.clone(), texts, &shown, tasks);
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn follow(config: TlsConfig, mut last: Texts, shown: &Arc<Shown>, tasks: &Tasks) {
    let shown = Arc::downgrade(shown);
    tasks.spawn("certificate", async move {
        let mut looks = interval(LOOK_PERIOD);
        loop {
            looks.tick().await;
            let Some(shown) = shown.upgrade() else { return };
            let Ok(texts) = read(&config) else { continue };
            if texts == last {
                continue;
            }
            let path = config.certificate_chain.display();
            // Between the writing of the two files they do not fit: that is looked at again.
            match load(&config, &texts) {
                Ok(key) => {
                    tracing::info!(%path, "a new certificate is shown");
                    *shown.0.write().unwrap_or_else(PoisonError::into_inner) = key;
                }
                Err(error) => {
                    let error = parkmesh_platform::fault::chain(&error);
                    tracing::warn!(%path, error, "the new certificate is not shown; the old one is");
                }
            }
            last = texts;
        }
    });
}

fn read(config: &TlsConfig) -> Result<Texts, TlsError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.clone(), source })
    };
    Ok((read(&config.certificate_chain)?, read(&config.private_key)?))
}

fn load(config: &TlsConfig, (chain, key): &Texts) -> Result<Arc<CertifiedKey>, TlsError> {
    let malformed = |path: &PathBuf, why: &dyn std::fmt::Display| TlsError::Malformed {
        path: path.clone(),
        why: why.to_string(),
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let certificates =
        certificates.map_err(|error| malformed(&config.certificate_chain, &error))?;
    if certificates.is_empty() {
        return Err(malformed(&config.certificate_chain, &"there is none"));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| malformed(&config.private_key, &error))?;
    let provider = rustls::crypto::ring::default_provider();
    Ok(Arc::new(CertifiedKey::from_der(certificates, key, &provider)?))
}
