//! The development issuer: a key pair in a file, its public half as a JWK set, and tokens on demand.
//! In production an identity provider does this, and nothing of ours holds a private key.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sha2::{Digest, Sha256};

use super::claims::{Audience, LIFETIME_MAX_SECONDS, LOTS_MAX, Payload};
use super::{AuthConfig, Claims};
use crate::clock::Clock;
use crate::ids::Ids;

/// Only the owner reads a private key.
const KEY_FILE_MODE: u32 = 0o600;

/// The issuer cannot do it.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// A file is not readable or not writable.
    #[error("{path} cannot be read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no Ed25519 key in PKCS#8 PEM.
    #[error("not an Ed25519 private key in PKCS#8 PEM")]
    NotAKey,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoEntropy,
    /// The claims ask for too much.
    #[error("a token lives at most {LIFETIME_MAX_SECONDS} s and names at most {LOTS_MAX} lots")]
    ClaimsTooLarge,
    /// Signing failed.
    #[error("the token could not be signed")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// Mints tokens. Cheap to clone.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    encoding: EncodingKey,
    public: [u8; 32],
    key_id: String,
    issuer: String,
    audience: String,
    clock: Clock,
    ids: Ids,
}

impl Issuer {
    /// Opens the key file, or makes one that only its owner can read.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn open(path: &Path, clock: &Clock, ids: &Ids) -> Result<Self, IssuerError> {
        let unusable = |source| IssuerError::File { path: path.to_owned(), source };
        let key = match std::fs::read_to_string(path) {
            Ok(pem) => SigningKey::from_pkcs8_pem(&pem).map_err(|_| IssuerError::NotAKey)?,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                let key = generate()?;
                let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| IssuerError::NotAKey)?;
                write_new(path, pem.as_bytes()).map_err(unusable)?;
                key
            }
            Err(other) => return Err(unusable(other)),
        };
        Self::from_key(&key, clock, ids)
    }

    /// An issuer whose key dies with it: tests.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn ephemeral(clock: &Clock, ids: &Ids) -> Result<Self, IssuerError> {
        Self::from_key(&generate()?, clock, ids)
    }

    fn from_key(key: &SigningKey, clock: &Clock, ids: &Ids) -> Result<Self, IssuerError> {
        let der = key.to_pkcs8_der().map_err(|_| IssuerError::NotAKey)?;
        let public = key.verifying_key().to_bytes();
        let inner = Inner {
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            public,
            key_id: URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..16]),
            issuer: AuthConfig::DEVELOPMENT_ISSUER.to_owned(),
            audience: AuthConfig::DEVELOPMENT_AUDIENCE.to_owned(),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The public key as a JWK set.
    pub fn jwks(&self) -> String {
        let key = serde_json::json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": self.inner.key_id,
            "x": URL_SAFE_NO_PAD.encode(self.inner.public),
        });
        serde_json::json!({ "keys": [key] }).to_string()
    }

    /// Writes the JWK set for the services to read: whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_jwks(&self, path: &Path) -> Result<(), IssuerError> {
        let unusable = |source| IssuerError::File { path: path.to_owned(), source };
        let mut draft = path.as_os_str().to_owned();
        draft.push(".draft");
        std::fs::write(&draft, self.jwks()).map_err(unusable)?;
        std::fs::rename(&draft, path).map_err(unusable)
    }

    /// What verifies these tokens.
    pub fn verifier_config(&self) -> AuthConfig {
        AuthConfig {
            issuer: self.inner.issuer.clone(),
            audience: self.inner.audience.clone(),
            keys: super::KeySource::Text(self.jwks()),
            algorithms: vec![Algorithm::EdDSA],
        }
    }

    /// A signed token.
    ///
    /// # Errors
    /// When the claims ask for more than [`LIFETIME_MAX_SECONDS`] or too many lots.
    pub fn mint(&self, claims: &Claims) -> Result<String, IssuerError> {
        if claims.lifetime_seconds > LIFETIME_MAX_SECONDS || claims.lots.len() > LOTS_MAX {
            return Err(IssuerError::ClaimsTooLarge);
        }
        let now_seconds = self.now().as_second();
        let scope = match &claims.scopes {
            Some(scopes) => scopes.join(" "),
            None => claims.role.default_scopes().join(" "),
        };
        let payload = Payload {
            iss: self.inner.issuer.clone(),
            aud: Audience::One(self.inner.audience.clone()),
            sub: claims.subject.clone(),
            exp: now_seconds.saturating_add(i64::from(claims.lifetime_seconds)),
            nbf: Some(now_seconds),
            iat: Some(now_seconds),
            jti: Some(self.inner.ids.next::<uuid::Uuid>().to_string()),
            role: claims.role.to_string(),
            scope,
            lots: claims.lots.iter().map(ToString::to_string).collect(),
            extra: claims.extra.clone(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.inner.key_id.clone());
        Ok(jsonwebtoken::encode(&header, &payload, &self.inner.encoding)?)
    }

    pub(super) fn now(&self) -> jiff::Timestamp {
        self.inner.clock.now()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("key_id", &self.inner.key_id).finish_non_exhaustive()
    }
}

/// A key is made from the system's randomness itself, whatever seed the ids of a test run on.
fn generate() -> Result<SigningKey, IssuerError> {
    use rand::TryRng;
    let mut seed = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut seed).map_err(|_| IssuerError::NoEntropy)?;
    Ok(SigningKey::from_bytes(&seed))
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(KEY_FILE_MODE).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
