//! What stands in a token: for an issuer to ask for, and as it goes over the wire.

use serde::{Deserialize, Serialize};

use super::{Role, service_subject};
use parkmesh_contracts::ids::LotId;

/// Longest lifetime that an issuer of ours grants, in seconds: a year.
pub const LIFETIME_MAX_SECONDS: u32 = 365 * 24 * 3_600;

/// Most lots that a token may name; more lots need a token that is not bound to lots.
pub(super) const LOTS_MAX: usize = 64;

/// What to mint.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Whom the token names: at most 128 bytes.
    pub subject: String,
    /// What kind of party it is.
    pub role: Role,
    /// The lots that it is bound to; empty: not bound.
    pub lots: Vec<LotId>,
    /// What it grants; `None`: what its role grants by default.
    pub scopes: Option<Vec<String>>,
    /// How long it holds, at most [`LIFETIME_MAX_SECONDS`].
    pub lifetime_seconds: u32,
    /// Further claims, for example `permit: true`.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Claims {
    /// A token of this role with the role's scopes, bound to no lot.
    pub fn new(subject: impl Into<String>, role: Role, lifetime_seconds: u32) -> Self {
        Self {
            subject: subject.into(),
            role,
            lots: Vec::new(),
            scopes: None,
            lifetime_seconds,
            extra: serde_json::Map::new(),
        }
    }

    /// The token of a service of ours.
    pub fn service(name: &str, lifetime_seconds: u32) -> Self {
        Self::new(service_subject(name), Role::Service, lifetime_seconds)
    }

    /// Binds the token to these lots.
    #[must_use]
    pub fn at(mut self, lots: impl IntoIterator<Item = LotId>) -> Self {
        self.lots = lots.into_iter().collect();
        self
    }
}

/// The payload of a token. Issuer and audience are checked by the library before this is looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    pub iss: String,
    pub aud: Audience,
    pub sub: String,
    /// Seconds since 1970.
    pub exp: i64,
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    pub role: String,
    /// Words between spaces, as in RFC 9068.
    #[serde(default)]
    pub scope: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<String>,
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// `aud` is one word or a list of them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}
