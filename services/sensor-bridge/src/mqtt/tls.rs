//! Certificates for the broker.

use std::path::PathBuf;

use rumqttc::TlsConfiguration;

/// Where they are, PEM. We show ours: the broker knows a bridge by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Who vouches for the broker.
    pub ca_file: PathBuf,
    /// Our certificate and its key; None: we show none.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A certificate cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} could not be read")]
pub struct TlsError {
    path: String,
    source: std::io::Error,
}

impl Tls {
    /// Reads them.
    ///
    /// # Errors
    /// When a file is not there. What is in it is judged by the handshake.
    pub fn load(&self) -> Result<TlsConfiguration, TlsError> {
        let client_auth = match &self.client {
            Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
            None => None,
        };
        Ok(TlsConfiguration::Simple { ca: read(&self.ca_file)?, alpn: None, client_auth })
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError { path: path.display().to_string(), source })
}
