//! One table of all methods, generated from the `(parkmesh.common.v1.method)` options: it feeds authorisation, deadlines,
//! retries, load shedding, gateway routes, metrics and docs, so that none of them keeps a list of its own.

/// How a method may be called and how it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Path of the HTTP/2 request, `/parkmesh.booking.v1.BookingService/HoldSpot`.
    pub path: &'static str,
    /// Full name of the service, `parkmesh.booking.v1.BookingService`.
    pub service: &'static str,
    /// Name of the method, `HoldSpot`.
    pub name: &'static str,
    /// The process that serves it, `booking`.
    pub role: &'static str,
    /// Scopes of a token, any one of which admits its bearer. Empty: no token admits anybody.
    pub scopes: &'static [&'static str],
    /// Names of the internal services that may call as themselves. Empty: none.
    pub callers: &'static [&'static str],
    /// Whether the call may be sent twice.
    pub idempotency: Idempotency,
    /// Milliseconds: the deadline when the caller names none, and the longest it may ask for. 0 on server streams only.
    pub deadline_ms: u32,
    /// What is refused first under overload.
    pub criticality: Criticality,
    /// Whether the client sends a stream.
    pub client_streaming: bool,
    /// Whether the server sends a stream.
    pub server_streaming: bool,
}

/// Whether a call may be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Reads only.
    NoSideEffects,
    /// Writes; a second call with the same request has the effect and the answer of one.
    Idempotent,
    /// Must not be repeated by anybody but the caller.
    NotIdempotent,
}

impl Idempotency {
    /// Whether somebody on the way may repeat the call without asking.
    pub fn is_repeatable(self) -> bool {
        self != Self::NotIdempotent
    }
}

/// What is refused first when a server is overloaded. Greater is more important.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Criticality {
    /// Can be asked again later: refused first.
    Sheddable,
    /// A person waits for it.
    Normal,
    /// Money, exits, sensor readings: refused last.
    Critical,
}

/// The method at `path` (`/package.Service/Method`), or None when Parkmesh has no such method. Binary search.
pub fn find(path: &str) -> Option<&'static Method> {
    let at = METHODS.binary_search_by(|method| method.path.cmp(path)).ok()?;
    METHODS.get(at)
}

/// Processes that may pass on the token of a person or a device, to any method that its scopes open. Whoever is not named here
/// calls as itself or not at all, where certificates say who calls.
pub const RELAYS: &[&str] = &["gateway"];

include!(concat!(env!("OUT_DIR"), "/methods.rs"));
