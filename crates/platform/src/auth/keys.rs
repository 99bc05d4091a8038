//! The public keys that tokens are checked with: a JWK set, read again when it changes, and once more
//! when a token names a key that we do not know. A key is good until it leaves the set; while the source
//! is out of reach the last set goes on.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::source::{KeySource, KeysError};
use crate::fault;
use crate::tasks::{Tasks, detach};

/// Between two looks at the source, whatever the reason: an unknown key id must not become a way to
/// make us hammer an identity provider.
const REFRESH_MIN: Duration = Duration::from_secs(5);

/// Between two routine looks.
const REFRESH_PERIOD: Duration = Duration::from_secs(30);

/// Most keys in a set.
const KEYS_MAX: usize = 64;

/// Lengths of an RSA modulus in bits: a shorter one is no protection (NIST SP 800-131A), a longer one
/// makes each token dear to check.
const RSA_BITS: RangeInclusive<usize> = 2_048..=4_096;

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
    last_look: Mutex<Option<Look>>,
}

/// The last look at the source.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    failed: bool,
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
            Self { source, accepted, current: RwLock::default(), last_look: Mutex::new(None) };
        keys.look().await?;
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
                match keys.look().await {
                    Ok(true) => changed(),
                    Ok(false) => {}
                    Err(error) => {
                        let error = fault::chain(&error);
                        tracing::warn!(error, "the token keys were not read; the old ones stay");
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
        self: &Arc<Self>,
        key_id: &str,
    ) -> Result<(Option<Arc<Key>>, bool), KeysError> {
        if let Some(key) = self.find(key_id) {
            return Ok((Some(key), false));
        }
        // A caller that goes away must not take the look of everybody with it.
        let keys = Arc::clone(self);
        let looked = detach(async move { keys.look().await }).await;
        let changed = looked.unwrap_or(Err(KeysError::FailedBefore))?;
        Ok((self.find(key_id), changed))
    }

    /// Reads the source, unless that was done a moment ago. Says whether the keys have changed.
    async fn look(&self) -> Result<bool, KeysError> {
        let mut last_look = self.last_look.lock().await;
        if let Some(look) = *last_look
            && look.at.elapsed() < REFRESH_MIN
        {
            return if look.failed { Err(KeysError::FailedBefore) } else { Ok(false) };
        }
        let at = Instant::now();
        let changed = self.take().await;
        *last_look = Some(Look { at, failed: changed.is_err() });
        changed
    }

    async fn take(&self) -> Result<bool, KeysError> {
        let set: JwkSet = serde_json::from_slice(&self.source.read().await?)?;
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

/// What a key is good for follows from its kind and curve and from what its owner says of it, never
/// from what a token claims.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
        return None;
    }
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::RSA(key) if RSA_BITS.contains(&bits(&key.n)) => {
            (Algorithm::RS256, KeyAlgorithm::RS256)
        }
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|said| said == name).then_some(algorithm)
}

/// Length of a number as JWK writes it; nothing when it is none.
fn bits(number: &str) -> usize {
    let bytes = URL_SAFE_NO_PAD.decode(number).unwrap_or_default();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let first = bytes.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (bytes.len() - zeros) * 8 - first
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

    fn ids_of(set: &serde_json::Value, accepted: &[Algorithm]) -> Vec<String> {
        let set: JwkSet = serde_json::from_value(set.clone()).expect("a JWK set");
        let mut ids: Vec<String> = usable(&set, accepted).into_keys().collect();
        ids.sort();
        ids
    }

    fn ids(accepted: &[Algorithm]) -> Vec<String> {
        ids_of(&serde_json::from_str(MIXED).expect("JSON"), accepted)
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

    #[test]
    fn an_rsa_key_is_neither_too_short_nor_too_long_nor_meant_for_something_else() {
        let rsa = |id: &str, bits: usize, more: &[(&str, &str)]| {
            let mut modulus = vec![0; bits / 8];
            (modulus[0], modulus[bits / 8 - 1]) = (0x80, 1);
            let n = URL_SAFE_NO_PAD.encode(modulus);
            let mut key = serde_json::json!({ "kty": "RSA", "kid": id, "e": "AQAB", "n": n });
            for (name, value) in more {
                key[*name] = (*value).into();
            }
            key
        };
        let set = serde_json::json!({ "keys": [
            rsa("plain", 2_048, &[]),
            rsa("said", 4_096, &[("use", "sig"), ("alg", "RS256")]),
            rsa("short", 1_024, &[]),
            rsa("long", 8_192, &[]),
            rsa("encrypts", 2_048, &[("use", "enc")]),
            rsa("wraps", 2_048, &[("alg", "RSA-OAEP")]),
            rsa("pss", 2_048, &[("alg", "PS256")]),
            { "kty": "RSA", "kid": "no number", "e": "AQAB", "n": "?" },
            { "kty": "EC", "crv": "secp256k1", "kid": "strange curve", "x": "AQ", "y": "AQ" },
            { "kty": "AKP", "kid": "strange kind", "pub": "AQ" },
        ] });
        assert_eq!(ids_of(&set, &[Algorithm::RS256]), ["plain", "said"]);
        assert!(ids_of(&set, &[Algorithm::EdDSA, Algorithm::ES256]).is_empty());
    }

    #[test]
    fn the_length_of_a_number_is_told_without_its_leading_zeros() {
        let bits_of = |bytes: &[u8]| bits(&URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(bits_of(&[0, 0, 1, 0]), 9);
        assert_eq!((bits_of(&[0x80]), bits_of(&[0, 0]), bits("")), (8, 0, 0));
    }
}
