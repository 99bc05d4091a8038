//! Where the public keys of tokens are kept, and how they are read there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

use crate::config::Reader;

/// How long an identity provider may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest JWK set that is read, in bytes.
const SET_BYTES_MAX: usize = 256 * 1024;

const PLAIN: &str = "http://";
const SECURE: &str = "https://";

/// Where the keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set in a file: a mounted secret, or the development issuer's output.
    File(PathBuf),
    /// A JWK set by `https://`, or by `http://` inside of a network that is trusted.
    Url {
        /// The address of the set itself. A redirect is not followed: whoever moves the keys says so here.
        url: String,
        /// The one authority that vouches for the server, in PEM; `None`: those that browsers trust. Read
        /// again with each set, so that it can be replaced.
        authority: Option<PathBuf>,
    },
    /// A JWK set given as text, never read again.
    Text(String),
}

/// The source did not yield keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file is not readable.
    #[error("{path} is not readable")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The identity provider does not answer, or is not who it should be.
    #[error("the JWK set could not be fetched")]
    Unreachable(#[from] reqwest::Error),
    /// It answers something else.
    #[error("the JWK set could not be fetched: the server says {0}")]
    Refused(http::StatusCode),
    /// It is longer than we read.
    #[error("the JWK set is longer than {SET_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JWK set.
    #[error("not a JWK set")]
    Malformed(#[from] serde_json::Error),
    /// No key in it is of an algorithm that the configuration accepts.
    #[error("the JWK set holds no key of an accepted algorithm that has a key id")]
    NoUsableKey,
    /// It failed a moment ago, and is not asked again so soon.
    #[error("the JWK set could not be read a moment ago")]
    FailedBefore,
}

impl KeySource {
    /// Reads `PARKMESH_AUTH_JWKS`, a path or an `https://` or `http://` URL, and
    /// `PARKMESH_AUTH_JWKS_CA_PATH`.
    pub(super) fn from_reader(reader: &mut Reader) -> Self {
        let keys: String = reader.require("AUTH_JWKS");
        let authority: Option<PathBuf> = reader.find("AUTH_JWKS_CA_PATH");
        if authority.is_some() && !keys.starts_with(SECURE) {
            reader.mistake(format!("AUTH_JWKS_CA_PATH is for keys at an {SECURE} URL"));
        }
        if keys.starts_with(SECURE) || keys.starts_with(PLAIN) {
            Self::Url { url: keys, authority }
        } else {
            Self::File(keys.into())
        }
    }

    /// The JWK set, as it is now.
    pub(super) async fn read(&self) -> Result<Vec<u8>, KeysError> {
        let bytes = match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::File(path) => read_file(path).await?,
            Self::Url { url, authority } => fetch(url, authority.as_deref()).await?,
        };
        if bytes.len() > SET_BYTES_MAX { Err(KeysError::TooLong) } else { Ok(bytes) }
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, KeysError> {
    let read = tokio::fs::read(path).await;
    read.map_err(|source| KeysError::Unreadable { path: path.to_owned(), source })
}

/// Each time with a client of its own: sets are read twice a minute, and between them nothing is kept open.
async fn fetch(url: &str, authority: Option<&Path>) -> Result<Vec<u8>, KeysError> {
    let mut client = Client::builder().timeout(FETCH_TIMEOUT).redirect(Policy::none());
    if let Some(path) = authority {
        client = client.tls_built_in_root_certs(false);
        for certificate in Certificate::from_pem_bundle(&read_file(path).await?)? {
            client = client.add_root_certificate(certificate);
        }
    }
    let mut response = client.build()?.get(url).send().await?;
    if !response.status().is_success() {
        return Err(KeysError::Refused(response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > SET_BYTES_MAX {
            return Err(KeysError::TooLong);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[(&str, &str)]) -> (KeySource, Result<(), crate::config::ConfigError>) {
        let named = |&(name, value): &(&str, &str)| (format!("PARKMESH_{name}"), value.to_owned());
        let mut reader = Reader::of(values.iter().map(named));
        let source = KeySource::from_reader(&mut reader);
        (source, reader.finish())
    }

    #[test]
    fn a_path_is_a_file_and_both_kinds_of_url_are_urls() {
        let (source, told) = read(&[("AUTH_JWKS", "/keys/jwks.json")]);
        assert_eq!((source, told.is_ok()), (KeySource::File("/keys/jwks.json".into()), true));
        for url in ["https://id.example/keys", "http://127.0.0.1:1/keys"] {
            let (source, told) = read(&[("AUTH_JWKS", url)]);
            let expected = KeySource::Url { url: url.to_owned(), authority: None };
            assert_eq!((source, told.is_ok()), (expected, true));
        }
    }

    #[test]
    fn an_authority_is_given_for_https_alone() {
        let authority = ("AUTH_JWKS_CA_PATH", "/keys/ca.pem");
        let (source, told) = read(&[("AUTH_JWKS", "https://id.example/keys"), authority]);
        assert!(told.is_ok());
        assert!(
            matches!(source, KeySource::Url { authority: Some(path), .. } if path.ends_with("ca.pem"))
        );
        for other in ["http://id.example/keys", "/keys/jwks.json"] {
            let told = read(&[("AUTH_JWKS", other), authority]).1.expect_err(other);
            assert!(told.to_string().contains("AUTH_JWKS_CA_PATH"), "{told}");
        }
    }
}
