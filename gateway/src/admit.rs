//! Who gets in: room first, because it costs nothing, then the token.

use std::sync::Arc;

use http::HeaderMap;
use parkmesh_contracts::methods::Method;
use parkmesh_platform::auth::{Denial, PeerIdentity, Verifier, decide};
use parkmesh_platform::serve::{Permit, Shed, find_open_method};
use tonic::Status;

/// The guard at the gate.
pub struct Admission {
    verifier: Verifier,
    shed: Arc<Shed>,
}

impl Admission {
    /// With this much room.
    pub fn new(verifier: Verifier, shed: Arc<Shed>) -> Self {
        Self { verifier, shed }
    }

    /// A place for the call.
    ///
    /// # Errors
    /// UNAVAILABLE with a time to come back.
    pub fn room(&self, method: &Method) -> Result<Permit, Status> {
        self.shed.admit(method).map_err(|refusal| refusal.to_status())
    }

    /// Whether the bearer of this token may call. The service asks the same again.
    ///
    /// # Errors
    /// UNAUTHENTICATED or PERMISSION_DENIED, with the reason.
    pub async fn identity(&self, method: &Method, headers: &HeaderMap) -> Result<(), Status> {
        if find_open_method(method.path).is_some() {
            return Ok(());
        }
        let caller = self.verifier.caller(headers).await.map_err(Denial::to_status)?;
        // Our own processes call each other inside. Their tokens open nothing from the street.
        if matches!(caller.peer(), PeerIdentity::Service(_)) {
            return Err(Denial::CallerNotAllowed.to_status());
        }
        decide(method, Some(&caller)).map_err(Denial::to_status)
    }
}
