//! How our own services know each other. The one place that says what proves a service's name.
//!
//! With mTLS that is the certificate of the connection ([`Peer`]), and nothing else. Without, it is a service
//! token (role `service`, subject `service:<name>`): for loopback, and for networks that are already private.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;
use jiff::SignedDuration;
use parkmesh_contracts::ids::UserId;
use parkmesh_contracts::methods::RELAYS;

use super::{Caller, Claims, Denial, Issuer, Role};
use crate::tasks::Tasks;
use crate::tls::Mtls;

const SUBJECT_PREFIX: &str = "service:";

/// How often a token file is read again, and an issued token's age looked at.
const REFRESH_PERIOD: Duration = Duration::from_secs(10);

/// Lifetime of a token that a process issues to itself, in seconds.
const SELF_ISSUED_SECONDS: u32 = 3_600;

/// A self-issued token is replaced when less than this remains of it, in seconds.
const SELF_ISSUED_SPARE_SECONDS: i64 = 1_800;

/// The token subject of a service.
pub fn service_subject(name: &str) -> String {
    format!("{SUBJECT_PREFIX}{name}")
}

/// Who stands at the other end of a call, as far as services are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerIdentity<'a> {
    /// One of our services, by its role name.
    Service(&'a str),
    /// Somebody else: judged by scopes.
    Outside,
}

impl<'a> PeerIdentity<'a> {
    /// The peer that a verified token proves.
    pub fn of(caller: &'a Caller) -> Self {
        match caller.role {
            // Without the prefix the name is empty, which no method admits.
            Role::Service => {
                Self::Service(caller.subject.as_str().strip_prefix(SUBJECT_PREFIX).unwrap_or(""))
            }
            Role::Driver | Role::Guest | Role::Kiosk | Role::Operator | Role::Device => {
                Self::Outside
            }
        }
    }
}

/// The service at the other end of a connection, as its certificate names it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peer {
    name: Arc<str>,
    /// Who calls when no token says otherwise.
    caller: Arc<Caller>,
}

impl Peer {
    /// The service of this name.
    ///
    /// # Errors
    /// When it is longer than a subject may be.
    pub fn of(name: &str) -> Result<Self, Denial> {
        let subject = UserId::parse(&service_subject(name)).map_err(|_| Denial::TokenInvalid)?;
        let caller = Caller {
            subject,
            role: Role::Service,
            scopes: Vec::new(),
            lots: Vec::new(),
            token: "".into(),
        };
        Ok(Self { name: name.into(), caller: Arc::new(caller) })
    }

    /// The service itself, as a caller.
    pub(super) fn caller(&self) -> Arc<Caller> {
        Arc::clone(&self.caller)
    }

    /// Holds what a token says against the certificate: nobody lends a service another name, and the tokens of
    /// people and devices come from those who are there to pass them on.
    pub(super) fn brings(&self, caller: &Caller) -> Result<(), Denial> {
        match caller.peer() {
            PeerIdentity::Service(name) if name == &*self.name => Ok(()),
            PeerIdentity::Service(_) => Err(Denial::NameNotProven),
            PeerIdentity::Outside if RELAYS.contains(&&*self.name) => Ok(()),
            PeerIdentity::Outside => Err(Denial::RelayNotAllowed),
        }
    }
}

/// With what a service introduces itself to the next one. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token on each call, over connections that anybody may make.
    Token(ServiceToken),
    /// The certificate of the connection.
    Certificate(Mtls),
}

impl From<ServiceToken> for Credential {
    fn from(token: ServiceToken) -> Self {
        Self::Token(token)
    }
}

impl From<Mtls> for Credential {
    fn from(mtls: Mtls) -> Self {
        Self::Certificate(mtls)
    }
}

/// The token with which a service introduces itself to the next one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceToken {
    origin: Arc<Origin>,
    current: Arc<RwLock<Current>>,
}

#[derive(Debug, Default)]
struct Current {
    header: Option<HeaderValue>,
    /// When a self-issued token is due for another; a file is simply read again.
    renew_at: Option<jiff::Timestamp>,
}

#[derive(Debug)]
enum Origin {
    File(PathBuf),
    Issuer { issuer: Issuer, name: String },
}

/// No usable service token.
#[derive(Debug, thiserror::Error)]
pub enum ServiceTokenError {
    /// The file is not readable.
    #[error("the service token file {path} is not readable")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The text does not fit a header.
    #[error("the service token holds characters that no header may hold")]
    NoHeader,
    /// The issuer refused.
    #[error("no service token was issued")]
    Issuer(#[from] super::IssuerError),
}

impl ServiceToken {
    /// A token kept in a file by whoever starts the services.
    ///
    /// # Errors
    /// When the file is missing or holds no token.
    pub fn from_file(path: &Path) -> Result<Self, ServiceTokenError> {
        Self::open(Origin::File(path.to_owned()))
    }

    /// A token that this process issues to itself: development and tests.
    ///
    /// # Errors
    /// When the issuer cannot sign.
    pub fn from_issuer(issuer: Issuer, name: &str) -> Result<Self, ServiceTokenError> {
        Self::open(Origin::Issuer { issuer, name: name.to_owned() })
    }

    fn open(origin: Origin) -> Result<Self, ServiceTokenError> {
        let token = Self { origin: Arc::new(origin), current: Arc::default() };
        token.refresh()?;
        Ok(token)
    }

    /// Keeps the token fresh until `tasks` ends.
    pub fn keep_fresh(&self, tasks: &Tasks) {
        let token = self.clone();
        tasks.every("service-token", REFRESH_PERIOD, move |_now| {
            let token = token.clone();
            async move {
                if let Err(error) = token.refresh() {
                    tracing::warn!(%error, "the service token was not refreshed; the old one stays");
                }
            }
        });
    }

    /// The `authorization` header, once there is one.
    pub fn header(&self) -> Option<HeaderValue> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).header.clone()
    }

    fn refresh(&self) -> Result<(), ServiceTokenError> {
        let (text, renew_at) = match self.origin.as_ref() {
            Origin::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| {
                    ServiceTokenError::Unreadable { path: path.clone(), source }
                })?;
                (text, None)
            }
            Origin::Issuer { issuer, name } => {
                let now = issuer.now();
                let current = self.current.read().unwrap_or_else(PoisonError::into_inner).renew_at;
                if current.is_some_and(|renew_at| now < renew_at) {
                    return Ok(());
                }
                let text = issuer.mint(&Claims::service(name, SELF_ISSUED_SECONDS))?;
                let spare = SignedDuration::from_secs(SELF_ISSUED_SPARE_SECONDS);
                (text, now.checked_add(spare).ok())
            }
        };
        let mut header = HeaderValue::try_from(format!("Bearer {}", text.trim()))
            .map_err(|_| ServiceTokenError::NoHeader)?;
        header.set_sensitive(true);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) =
            Current { header: Some(header), renew_at };
        Ok(())
    }
}
