//! From a path to whoever answers it. The contracts' method table decides; there is no list here.

use std::collections::BTreeMap;

use parkmesh_contracts::methods::{self, METHODS, Method};
use parkmesh_platform::serve::{Refusal, Routes, find_open_method};
use tonic::Status;

use crate::error::Error;
use crate::upstream::Upstream;

/// Everything that can be reached through the gate.
pub struct Table {
    upstreams: BTreeMap<&'static str, Upstream>,
    local: Routes,
}

/// Where a call goes.
#[derive(Clone, Copy)]
pub enum Target<'t> {
    /// To the gateway itself: health and reflection.
    Local(&'t Routes),
    /// To a role's replicas; `None` when this gateway knows none.
    Upstream(Option<&'t Upstream>),
}

/// The row of a path: who may call it and how.
///
/// # Errors
/// UNIMPLEMENTED for a path that nobody serves, PERMISSION_DENIED for one that no token opens. The
/// second is said without looking at the token: services inside call each other directly.
pub fn find_method(path: &str) -> Result<&'static Method, Status> {
    if let Some(method) = find_open_method(path) {
        return Ok(method);
    }
    let method = methods::find(path).ok_or_else(|| Refusal::PathUnknown.to_status())?;
    if method.scopes.is_empty() { Err(Error::MethodInternal.into()) } else { Ok(method) }
}

/// Services with a method that a token can open: what the gate shows of the inside.
pub fn public_services() -> Vec<&'static str> {
    let open = METHODS.iter().filter(|method| !method.scopes.is_empty());
    let mut names: Vec<_> = open.map(|method| method.service).collect();
    names.dedup();
    names
}

impl Table {
    /// These upstreams by role, and what is served here.
    pub fn new(upstreams: BTreeMap<&'static str, Upstream>, local: Routes) -> Self {
        Self { upstreams, local }
    }

    /// The replicas of a role; `None` when this gateway knows none.
    pub fn role(&self, role: &str) -> Option<&Upstream> {
        self.upstreams.get(role)
    }

    /// Who answers this method.
    pub fn target(&self, method: &Method) -> Target<'_> {
        if self.local.has(method.service) {
            Target::Local(&self.local)
        } else {
            Target::Upstream(self.upstreams.get(method.role))
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn a_method_without_scopes_is_refused_and_an_unknown_path_is_unimplemented() {
        for method in METHODS {
            let found = find_method(method.path);
            if method.scopes.is_empty() {
                let refused = found.expect_err(method.path);
                assert_eq!(refused.code(), Code::PermissionDenied, "{}", method.path);
            } else {
                assert_eq!(found.expect(method.path), method);
            }
        }
        let code = |path| find_method(path).expect_err(path).code();
        assert_eq!(code("/parkmesh.booking.v1.BookingService/Nothing"), Code::Unimplemented);
        assert_eq!(code("/"), Code::Unimplemented);
    }

    #[test]
    fn there_are_internal_methods_and_public_services() {
        assert!(METHODS.iter().any(|method| method.scopes.is_empty()), "the rule has no case");
        let services = public_services();
        assert!(services.contains(&"parkmesh.notification.v1.NotificationService"));
        let mut once = services.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once, services);
    }
}
