//! The public keys that tokens are checked with: a JWK set from a file or a URL, read again when it
//! changes, and once more when a token names a key that we do not know.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::tasks::Tasks;

/// Between two looks at the source, whatever the reason: an unknown key id must not become a way to
/// make us hammer an identity provider.
const REFRESH_MIN: Duration = Duration::from_secs(5);

/// Between two routine looks.
const REFRESH_PERIOD: Duration = Duration::from_secs(30);

/// How long an identity provider may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest JWK set that is read, in bytes.
const SET_BYTES_MAX: usize = 256 * 1024;

/// Most keys in a set.
const KEYS_MAX: usize = 64;

/// Where the keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set in a file: a mounted secret, or the development issuer's output.
    File(PathBuf),
    /// A JWK set by plain HTTP or through a local proxy that speaks TLS.
    Url(String),
    /// A JWK set given as text, never read again.
    Text(String),
}

/// The source did not yield keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file is not readable.
    #[error("the JWK set {path} is not readable")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The identity provider does not answer.
    #[error("the JWK set could not be fetched")]
    Unreachable(#[from] reqwest::Error),
    /// It is longer than we read.
    #[error("the JWK set is longer than {SET_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JWK set.
    #[error("not a JWK set")]
    Malformed(#[from] serde_json::Error),
    /// No key in it is of an algorithm that the configuration accepts.
    #[error("the JWK set holds no key of an accepted algorithm that has a key id")]
    NoUsableKey,
}

/// One public key and the one algorithm that it is good for.
#[derive(Debug)]
pub(super) struct Key {
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
}

type KeyMap = HashMap<String, Arc<Key>>;

/// The keys by key id.
#[derive(Debug)]
pub struct Keys {
    source: KeySource,
    accepted: Vec<Algorithm>,
    current: RwLock<Loaded>,
    last_refresh: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Loaded {
    set: JwkSet,
    keys: KeyMap,
}

impl Keys {
    /// Reads the source for the first time.
    ///
    /// # Errors
    /// When it yields no usable key; better not to start than to refuse everybody.
    pub async fn load(source: KeySource, accepted: Vec<Algorithm>) -> Result<Self, KeysError> {
        let keys =
            Self { source, accepted, current: RwLock::default(), last_refresh: Mutex::new(None) };
        keys.refresh().await?;
        Ok(keys)
    }

    /// Looks at the source every now and then until `tasks` ends. `changed` is told when the keys
    /// are no longer the same.
    pub(super) fn watch(
        self: &Arc<Self>,
        tasks: &Tasks,
        changed: impl Fn() + Send + Sync + 'static,
    ) {
        let keys = Arc::clone(self);
        let changed = Arc::new(changed);
        tasks.every("jwks", REFRESH_PERIOD, move |_now| {
            let keys = Arc::clone(&keys);
            let changed = Arc::clone(&changed);
            async move {
                match keys.refresh().await {
                    Ok(true) => changed(),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the token keys were not read; the old ones stay");
                    }
                }
            }
        });
    }

    /// The key of this id, without looking at the source.
    pub(super) fn find(&self, key_id: &str) -> Option<Arc<Key>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).keys.get(key_id).cloned()
    }

    /// The key of this id; an unknown one is looked for at the source, at most every few seconds for
    /// all callers together. The flag says whether the keys have changed on the way.
    pub(super) async fn find_or_refresh(
        &self,
        key_id: &str,
    ) -> Result<(Option<Arc<Key>>, bool), KeysError> {
        if let Some(key) = self.find(key_id) {
            return Ok((Some(key), false));
        }
        let changed = self.refresh().await?;
        Ok((self.find(key_id), changed))
    }

    /// Reads the source, unless that was done a moment ago. Says whether the keys have changed.
    async fn refresh(&self) -> Result<bool, KeysError> {
        let mut last_refresh = self.last_refresh.lock().await;
        if last_refresh.is_some_and(|at| at.elapsed() < REFRESH_MIN) {
            return Ok(false);
        }
        *last_refresh = Some(Instant::now());
        let set: JwkSet = serde_json::from_slice(&self.read_source().await?)?;
        if self.current.read().unwrap_or_else(PoisonError::into_inner).set == set {
            return Ok(false);
        }
        let keys = usable(&set, &self.accepted);
        if keys.is_empty() {
            return Err(KeysError::NoUsableKey);
        }
        tracing::info!(keys = keys.len(), "token keys loaded");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Loaded { set, keys };
        Ok(true)
    }

    async fn read_source(&self) -> Result<Vec<u8>, KeysError> {
        let bytes = match &self.source {
            KeySource::Text(text) => text.clone().into_bytes(),
            KeySource::File(path) => tokio::fs::read(path)
                .await
                .map_err(|source| KeysError::Unreadable { path: path.clone(), source })?,
            KeySource::Url(url) => fetch(url).await?,
        };
        if bytes.len() > SET_BYTES_MAX { Err(KeysError::TooLong) } else { Ok(bytes) }
    }
}

async fn fetch(url: &str) -> Result<Vec<u8>, KeysError> {
    let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > SET_BYTES_MAX {
            return Err(KeysError::TooLong);
        }
    }
    Ok(bytes)
}

/// The keys that have an id and are of an accepted algorithm; the others are passed over, as an
/// identity provider may keep keys for others too.
fn usable(set: &JwkSet, accepted: &[Algorithm]) -> KeyMap {
    let usable = set.keys.iter().filter_map(|jwk| {
        let key_id = jwk.common.key_id.clone()?;
        let algorithm = algorithm_of(jwk).filter(|algorithm| accepted.contains(algorithm))?;
        let decoding = DecodingKey::from_jwk(jwk).ok()?;
        Some((key_id, Arc::new(Key { algorithm, decoding })))
    });
    usable.take(KEYS_MAX).collect()
}

/// What a key is good for follows from its kind and curve, never from what a token claims.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Some(Algorithm::ES256)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = r#"{"keys":[
        {"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"oct","kid":"shared","k":"c2VjcmV0"},
        {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"EC","crv":"P-256","kid":"ec",
         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
    ]}"#;

    fn ids(accepted: &[Algorithm]) -> Vec<String> {
        let set: JwkSet = serde_json::from_str(MIXED).expect("a JWK set");
        let mut ids: Vec<String> = usable(&set, accepted).into_keys().collect();
        ids.sort();
        ids
    }

    #[test]
    fn shared_secrets_and_keys_without_an_id_are_passed_over() {
        assert_eq!(ids(&[Algorithm::EdDSA, Algorithm::ES256]), ["ec", "ed"]);
    }

    #[test]
    fn only_algorithms_of_the_configuration_count() {
        assert_eq!(ids(&[Algorithm::EdDSA]), ["ed"]);
        assert!(ids(&[Algorithm::HS256]).is_empty());
    }
}
