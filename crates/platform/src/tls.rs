//! Certificates: read from files, followed when those change, and held against the name that is meant.
//!
//! Between our own processes a connection proves both names ([`Mtls`]): each shows a certificate with one
//! URI, `spiffe://<trust domain>/service/<role>`. Listeners for strangers show one and ask for none
//! ([`Shown`]). [`Authority`] signs certificates in development. New files count for new connections; those that stand go on.

mod authority;
mod expiry;
mod files;
mod followed;
mod mtls;
mod name;
mod shown;
mod verify;

use std::path::PathBuf;

pub use authority::{Authority, AuthorityError, Issued};
pub use expiry::good_until;
pub use files::CertificateFiles;
pub use mtls::{Mtls, MtlsConfig, Towards};
pub use name::{DEFAULT_TRUST_DOMAIN, NameError, SpiffeId};
pub use shown::Shown;

/// Certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{path} is not readable")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What stands in it.
    #[error("{path} holds no {what} in PEM: {why}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// They do not belong together, or TLS knows nothing like them.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] rustls::Error),
    /// The certificate names nobody whom we know.
    #[error("{path} does not say who we are")]
    Nameless {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: NameError,
    },
    /// The certificate is somebody else's.
    #[error("{path} names {found}, and this is {wanted}")]
    OtherName {
        /// Which.
        path: PathBuf,
        /// Whom it names.
        found: SpiffeId,
        /// Who we are.
        wanted: SpiffeId,
    },
}
