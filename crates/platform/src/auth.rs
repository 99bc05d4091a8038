//! Who calls, and whether they may.
//!
//! A [`Verifier`] turns a bearer token, or the certificate of a connection, into a [`Caller`]; [`decide`] holds the caller against one row
//! of the contracts' method table. Both are used twice for each call: by the gateway and again by the
//! service, because a service trusts nobody's word for it. [`Issuer`] mints tokens in development.
//!
//! Never here: ownership. "Is it your booking" is part of the service's own query.

mod caches;
mod caller;
mod claims;
mod decide;
mod denial;
mod issuer;
mod keys;
mod peer;
mod source;
mod verifier;

pub use caller::{Caller, GUEST_PREFIX, Role, guest_subject, is_guest};
pub use claims::{Claims, LIFETIME_MAX_SECONDS};
pub use decide::decide;
pub(crate) use denial::DOMAIN;
pub use denial::Denial;
pub use issuer::{Issuer, IssuerError};
pub use keys::Keys;
pub use peer::{Credential, Peer, PeerIdentity, ServiceToken, service_subject};
pub use source::{KeySource, KeysError};
pub use verifier::{AuthConfig, Verifier, bearer};
