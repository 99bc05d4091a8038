//! Certificates, keys and authorities as they stand in PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{TlsError, expiry};

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and what vouches for it, in PEM.
    pub certificate_chain: PathBuf,
    /// Its key, in PEM.
    pub private_key: PathBuf,
}

impl CertificateFiles {
    /// Both, in the order in which [`CertificateFiles::load`] wants their texts.
    pub(super) fn paths(&self) -> [&Path; 2] {
        [&self.certificate_chain, &self.private_key]
    }

    /// What one can show oneself with.
    pub(super) fn load(&self, chain: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
        let chain = certificates(&self.certificate_chain, "certificate and key", chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| malformed(&self.private_key, "certificate and key", &error))?;
        let loaded = CertifiedKey::from_der(chain, key, &ring::default_provider())?;
        expiry::tell(&self.certificate_chain, loaded.end_entity_cert()?);
        Ok(Arc::new(loaded))
    }
}

/// Those who vouch for others.
pub(super) fn authorities(path: &Path, text: &[u8]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, "authorities", text)? {
        roots.add(certificate).map_err(|error| malformed(path, "authorities", &error))?;
    }
    Ok(Arc::new(roots))
}

fn certificates(
    path: &Path,
    what: &'static str,
    text: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| malformed(path, what, &error))?;
    if found.is_empty() { Err(malformed(path, what, &"there is none")) } else { Ok(found) }
}

fn malformed(path: &Path, what: &'static str, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Malformed { path: path.to_owned(), what, why: why.to_string() }
}
