//! The decision: may this caller call this method? Pure, and the only place that says so.

use parkmesh_contracts::methods::Method;

use super::{Caller, Denial, PeerIdentity};

/// Holds a caller against a row of the method table. Default deny: a method that names neither
/// scopes nor callers is open to nobody.
///
/// A service is admitted by name only and cannot use scopes; everybody else needs one of the
/// method's scopes.
///
/// # Errors
/// Why not.
pub fn decide(method: &Method, caller: Option<&Caller>) -> Result<(), Denial> {
    let caller = caller.ok_or(Denial::TokenMissing)?;
    match caller.peer() {
        PeerIdentity::Service(name) if method.callers.contains(&name) => Ok(()),
        PeerIdentity::Service(_) => Err(Denial::CallerNotAllowed),
        PeerIdentity::Outside if method.scopes.iter().any(|scope| caller.has_scope(scope)) => {
            Ok(())
        }
        PeerIdentity::Outside => Err(Denial::ScopeMissing),
    }
}
