//! From a bearer token, and what the connection proves, to a caller.

use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, Validation};
use parkmesh_contracts::ids::{LotId, UserId};

use super::caches::{TokenCache, Verified};
use super::caller::fits;
use super::claims::{LOTS_MAX, Payload};
use super::keys::Key;
use super::{Caller, Denial, KeySource, Keys, KeysError, Peer};
use crate::clock::Clock;
use crate::config::Reader;
use crate::fault;
use crate::tasks::Tasks;
use crate::tls::Mtls;

/// Longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How far the clocks of an identity provider and of ours may be apart, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 30;

/// What tokens must look like.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// `iss` of every token.
    pub issuer: String,
    /// What `aud` must hold.
    pub audience: String,
    /// Where the keys are.
    pub keys: KeySource,
    /// Which signatures count. Never taken from a token.
    pub algorithms: Vec<Algorithm>,
}

impl AuthConfig {
    /// `iss` of the development issuer.
    pub const DEVELOPMENT_ISSUER: &'static str = "https://parkmesh.localhost";
    /// `aud` of the development issuer.
    pub const DEVELOPMENT_AUDIENCE: &'static str = "parkmesh";

    /// Reads `PARKMESH_AUTH_ISSUER`, `_AUDIENCE`, `_ALGORITHMS` (comma-separated, default
    /// `EdDSA,ES256,RS256`), `_JWKS`, which is a path or a URL, and `_JWKS_CA_PATH`.
    pub fn read(reader: &mut Reader) -> Self {
        let algorithms = reader.get("AUTH_ALGORITHMS", Algorithms::default());
        Self {
            issuer: reader.get("AUTH_ISSUER", Self::DEVELOPMENT_ISSUER.to_owned()),
            audience: reader.get("AUTH_AUDIENCE", Self::DEVELOPMENT_AUDIENCE.to_owned()),
            keys: KeySource::from_reader(reader),
            algorithms: algorithms.0,
        }
    }
}

/// The list in the configuration: only algorithms that we offer can be named.
struct Algorithms(Vec<Algorithm>);

impl Default for Algorithms {
    fn default() -> Self {
        Self(vec![Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256])
    }
}

impl std::fmt::Display for Algorithms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("only EdDSA, ES256 and RS256 are offered, and one of them is needed")]
struct AlgorithmNotOffered;

impl FromStr for Algorithms {
    type Err = AlgorithmNotOffered;

    fn from_str(text: &str) -> Result<Self, AlgorithmNotOffered> {
        let words = text.split(',').map(str::trim);
        let algorithms = words.map(|word| match word {
            "EdDSA" => Ok(Algorithm::EdDSA),
            "ES256" => Ok(Algorithm::ES256),
            "RS256" => Ok(Algorithm::RS256),
            _ => Err(AlgorithmNotOffered),
        });
        algorithms.collect::<Result<_, _>>().map(Self)
    }
}

/// Checks tokens and, with mTLS, certificates. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
    mtls: Option<Mtls>,
}

struct Inner {
    keys: Arc<Keys>,
    issuer: String,
    audience: String,
    cache: TokenCache,
    clock: Clock,
}

impl Verifier {
    /// Loads the keys and, until `tasks` ends, follows their changes.
    ///
    /// # Errors
    /// When the keys cannot be read at all.
    pub async fn start(
        config: &AuthConfig,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Self, KeysError> {
        let keys = Keys::load(config.keys.clone(), config.algorithms.clone()).await?;
        let inner = Arc::new(Inner {
            keys: Arc::new(keys),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            cache: TokenCache::new(),
            clock: clock.clone(),
        });
        if !matches!(config.keys, KeySource::Text(_)) {
            let watcher = Arc::downgrade(&inner);
            inner.keys.watch(tasks, move || {
                if let Some(inner) = watcher.upgrade() {
                    inner.cache.clear();
                }
            });
        }
        Ok(Self { inner, mtls: None })
    }

    /// Takes the names of services from certificates alone: a server with this verifier takes mTLS connections
    /// in, and no others.
    #[must_use]
    pub fn with_mtls(self, mtls: Mtls) -> Self {
        Self { mtls: Some(mtls), ..self }
    }

    /// How connections are taken in, where certificates carry the names.
    pub fn mtls(&self) -> Option<&Mtls> {
        self.mtls.as_ref()
    }

    /// The caller of a call with these headers over a connection of this peer. Without a token it is the peer
    /// itself.
    ///
    /// # Errors
    /// As [`Verifier::caller`]; NAME_NOT_PROVEN, RELAY_NOT_ALLOWED.
    pub async fn caller_over(
        &self,
        peer: Option<&Peer>,
        headers: &HeaderMap,
    ) -> Result<Arc<Caller>, Denial> {
        let Some(peer) = peer else { return self.caller(headers).await };
        if !headers.contains_key(AUTHORIZATION) {
            return Ok(peer.caller());
        }
        let caller = self.caller(headers).await?;
        peer.brings(&caller).map(|()| caller)
    }

    /// The caller that the token in these headers names.
    ///
    /// # Errors
    /// TOKEN_MISSING, TOKEN_EXPIRED, TOKEN_INVALID, or KEYS_UNAVAILABLE when only an unreachable
    /// identity provider could tell.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Denial> {
        let token = bearer(headers).ok_or(Denial::TokenMissing)?;
        match self.cached(token) {
            Some(known) => known,
            // In a box: a token is checked once and found often, and the future of every call would be as large.
            None => Box::pin(self.verify(token)).await,
        }
    }

    /// What the cache knows about a token: never waits.
    pub fn cached(&self, token: &str) -> Option<Result<Arc<Caller>, Denial>> {
        let verified = self.inner.cache.find(token)?;
        if verified.expires_at_seconds <= self.now_seconds() {
            self.inner.cache.remove(token);
            return Some(Err(Denial::TokenExpired));
        }
        Some(Ok(verified.caller))
    }

    /// Checks a token's signature and claims and remembers the outcome until the token's end.
    ///
    /// # Errors
    /// As [`Verifier::caller`].
    pub async fn verify(&self, token: &str) -> Result<Arc<Caller>, Denial> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Denial::TokenInvalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Denial::TokenInvalid)?;
        // RFC 7515, 4.1.11: what must be understood and is not makes a token invalid.
        if header.crit.is_some() {
            return Err(Denial::TokenInvalid);
        }
        let key_id = header.kid.ok_or(Denial::TokenInvalid)?;
        let key = self.key(&key_id).await?;
        let payload = self.payload(token, &key)?;
        let now_seconds = self.now_seconds();
        let expires_at_seconds = payload.exp.saturating_add(CLOCK_SKEW_SECONDS);
        if expires_at_seconds <= now_seconds {
            return Err(Denial::TokenExpired);
        }
        if payload.nbf.is_some_and(|nbf| nbf.saturating_sub(CLOCK_SKEW_SECONDS) > now_seconds) {
            return Err(Denial::TokenInvalid);
        }
        let caller = Arc::new(caller_of(payload, token)?);
        let verified = Verified { caller: Arc::clone(&caller), expires_at_seconds };
        self.inner.cache.insert(verified, now_seconds);
        // Looked at after the insertion: a key that left the set meanwhile takes this token with it,
        // whether the cache was cleared before or will be.
        if !self.inner.keys.find(&key_id).is_some_and(|now| Arc::ptr_eq(&now, &key)) {
            self.inner.cache.remove(token);
        }
        Ok(caller)
    }

    async fn key(&self, key_id: &str) -> Result<Arc<Key>, Denial> {
        let found = self.inner.keys.find_or_refresh(key_id).await.map_err(|error| {
            let error = fault::chain(&error);
            tracing::warn!(error, "a token names an unknown key, and the keys are out of reach");
            Denial::KeysUnavailable
        })?;
        let (key, changed) = found;
        if changed {
            self.inner.cache.clear();
        }
        key.ok_or(Denial::TokenInvalid)
    }

    /// Signature, issuer and audience. Times are ours to judge: the library would ask the system's
    /// clock, and ours can be moved in development.
    fn payload(&self, token: &str, key: &Key) -> Result<Payload, Denial> {
        let mut validation = Validation::new(key.algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.inner.issuer]);
        validation.set_audience(&[&self.inner.audience]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        jsonwebtoken::decode::<Payload>(token, &key.decoding, &validation)
            .map(|token| token.claims)
            .map_err(|_| Denial::TokenInvalid)
    }

    fn now_seconds(&self) -> i64 {
        self.inner.clock.now().as_second()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.inner.issuer)
            .field("audience", &self.inner.audience)
            .finish_non_exhaustive()
    }
}

/// The bearer token of a call, if it has one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn caller_of(payload: Payload, token: &str) -> Result<Caller, Denial> {
    if payload.lots.len() > LOTS_MAX {
        return Err(Denial::TokenInvalid);
    }
    let lots = payload.lots.iter().map(|lot| LotId::parse(lot)).collect::<Result<_, _>>();
    let subject = UserId::parse(&payload.sub).map_err(|_| Denial::TokenInvalid)?;
    let role = payload.role.parse().map_err(|_| Denial::TokenInvalid)?;
    if !fits(role, &subject) {
        return Err(Denial::TokenInvalid);
    }
    Ok(Caller {
        subject,
        role,
        scopes: payload.scope.split_ascii_whitespace().map(str::to_owned).collect(),
        lots: lots.map_err(|_| Denial::TokenInvalid)?,
        token: token.into(),
    })
}
