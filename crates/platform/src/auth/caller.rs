//! The caller: what a verified token says, in types.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parkmesh_contracts::ids::{LotId, UserId};
use tonic::Status;

use super::{Denial, PeerIdentity};

/// What kind of party calls. It decides the scopes that an issuer grants by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A person who parks.
    Driver,
    /// A person without an account, who books once: see [`GUEST_PREFIX`].
    Guest,
    /// A terminal at a lot's entrance.
    Kiosk,
    /// Staff of a lot.
    Operator,
    /// A sensor, camera or barrier.
    Device,
    /// One of our own processes; admitted by a method's `callers`, never by scopes.
    Service,
}

const DRIVER_SCOPES: &[&str] = &[
    "booking.read",
    "booking.write",
    "availability.read",
    "inventory.read",
    "payment.method",
    "payment.read",
    "notification.read",
    "notification.write",
];

/// How the subject of a guest begins; a UUID follows. Whoever issues tokens makes a new one for every
/// booking that somebody without an account wants to make, so that it stands for that booking and for
/// nobody else. No other role may have such a subject.
pub const GUEST_PREFIX: &str = "guest:";

/// A guest looks around, and does what the methods of one booking admit a guest to.
const GUEST_SCOPES: &[&str] = &["booking.guest", "availability.read", "inventory.read"];

/// A kiosk books and checks in for whoever stands in front of it, and sees nobody's messages.
const KIOSK_SCOPES: &[&str] =
    &["booking.read", "booking.write", "availability.read", "inventory.read", "payment.read"];

const OPERATOR_SCOPES: &[&str] = &[
    "booking.read",
    "booking.write",
    "availability.read",
    "availability.report",
    "inventory.read",
    "inventory.write",
    "sensor.admin",
    "sensor.read",
    "sensor.write",
    "payment.audit",
    "payment.method",
    "payment.read",
    "payment.write",
    "notification.read",
    "notification.write",
];

const DEVICE_SCOPES: &[&str] = &["sensor.write"];

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Driver, Self::Guest, Self::Kiosk, Self::Operator, Self::Device, Self::Service];

    /// The word in the token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Guest => "guest",
            Self::Kiosk => "kiosk",
            Self::Operator => "operator",
            Self::Device => "device",
            Self::Service => "service",
        }
    }

    /// The scopes that an issuer grants to this role when it is not told otherwise.
    pub const fn default_scopes(self) -> &'static [&'static str] {
        match self {
            Self::Driver => DRIVER_SCOPES,
            Self::Guest => GUEST_SCOPES,
            Self::Kiosk => KIOSK_SCOPES,
            Self::Operator => OPERATOR_SCOPES,
            Self::Device => DEVICE_SCOPES,
            Self::Service => &[],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no role of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a role: one of driver, guest, kiosk, operator, device, service is meant")]
pub struct RoleUnknown;

impl FromStr for Role {
    type Err = RoleUnknown;

    fn from_str(word: &str) -> Result<Self, RoleUnknown> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(RoleUnknown)
    }
}

/// The subject of a guest.
pub fn guest_subject(id: uuid::Uuid) -> String {
    format!("{GUEST_PREFIX}{id}")
}

/// Whether a subject is a guest's. Tokens of other roles cannot have one.
pub fn is_guest(subject: &UserId) -> bool {
    subject.as_str().starts_with(GUEST_PREFIX)
}

/// Whether a token of this role may name this subject: a guest's names a guest, and no other does;
/// nobody is called like those who were erased.
pub(super) fn fits(role: Role, subject: &UserId) -> bool {
    let id = subject.as_str().strip_prefix(GUEST_PREFIX);
    match role {
        Role::Guest => id.is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()),
        _ => id.is_none() && !subject.is_erased(),
    }
}

/// A verified caller. Shared by reference count between the token cache and the calls in flight.
#[derive(Clone)]
pub struct Caller {
    /// The token's subject: a user, a kiosk, an operator, a device, or `service:<name>`.
    pub subject: UserId,
    /// What kind of party it is.
    pub role: Role,
    /// What the token grants, for example `booking.read`.
    pub scopes: Vec<String>,
    /// The lots that it is bound to; empty: not bound to particular lots.
    pub lots: Vec<LotId>,
    /// The token itself, to pass on in the caller's name.
    pub token: Arc<str>,
}

impl Caller {
    /// The caller of this request, as the server's auth step has put it there.
    ///
    /// # Errors
    /// UNAUTHENTICATED when there is none, which only happens on methods that need no token.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<&Self, Status> {
        request
            .extensions()
            .get::<Arc<Self>>()
            .map(AsRef::as_ref)
            .ok_or_else(|| Denial::TokenMissing.to_status())
    }

    /// Whether the token grants this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    /// Whether the token lets the caller act at this lot.
    pub fn may_act_at(&self, lot_id: LotId) -> bool {
        self.lots.is_empty() || self.lots.contains(&lot_id)
    }

    /// Which of our services it is, if it is one.
    pub fn peer(&self) -> PeerIdentity<'_> {
        PeerIdentity::of(self)
    }
}

/// Leaves the token out: a caller may be logged, its token never.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("subject", &self.subject)
            .field("role", &self.role)
            .field("scopes", &self.scopes)
            .field("lots", &self.lots)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_read_back_from_its_word() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("admin".parse::<Role>(), Err(RoleUnknown));
    }

    #[test]
    fn a_guest_is_a_guest_by_role_and_by_name_or_not_at_all() {
        let named = |text: &str| text.parse::<UserId>().expect("a user id");
        let guest = named(&guest_subject(uuid::Uuid::nil()));
        assert!(is_guest(&guest) && !is_guest(&named("anna")));
        for role in Role::ALL {
            assert_eq!(fits(role, &guest), role == Role::Guest, "{role}");
            assert_eq!(fits(role, &named("anna")), role != Role::Guest, "{role}");
            assert!(!fits(role, &named("guest:anna")), "{role}");
            assert!(!fits(role, &UserId::erased(uuid::Uuid::nil())), "{role}");
        }
    }

    #[test]
    fn a_service_is_granted_no_scope() {
        assert!(Role::Service.default_scopes().is_empty());
    }

    #[test]
    fn an_operator_holds_whatever_a_driver_a_kiosk_and_a_device_hold() {
        let operator = Role::Operator.default_scopes();
        for role in [Role::Driver, Role::Kiosk, Role::Device] {
            for scope in role.default_scopes() {
                assert!(operator.contains(scope), "{scope} of {role}");
            }
        }
    }
}
