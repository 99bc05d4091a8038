//! Who gets in: room first, because it costs nothing, then the token, then how often its bearer comes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use parkmesh_contracts::methods::Method;
use parkmesh_platform::auth::{Caller, Denial, PeerIdentity, Verifier, decide};
use parkmesh_platform::serve::{Deadline, Permit, Shed, find_open_method};
use tonic::Status;

use crate::error::Error;
use crate::rate::{Client, RateLimits};

/// The guard at the gate.
pub struct Admission {
    verifier: Verifier,
    shed: Arc<Shed>,
    rates: Arc<RateLimits>,
}

impl Admission {
    /// With this much room.
    pub fn new(verifier: Verifier, shed: Arc<Shed>, rates: Arc<RateLimits>) -> Self {
        Self { verifier, shed, rates }
    }

    /// The buckets of everybody.
    pub fn rates(&self) -> &Arc<RateLimits> {
        &self.rates
    }

    /// A place for the call.
    ///
    /// # Errors
    /// UNAVAILABLE with a time to come back.
    pub fn room(&self, method: &Method) -> Result<Permit, Status> {
        self.shed.admit(method).map_err(|refusal| refusal.to_status())
    }

    /// Whether the bearer of this token may call, and who it is; nobody where no token is needed. The
    /// service asks the same again.
    ///
    /// # Errors
    /// UNAUTHENTICATED or PERMISSION_DENIED, with the reason.
    pub async fn identity(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Caller>>, Status> {
        if find_open_method(method.path).is_some() {
            return Ok(None);
        }
        let caller = self.verifier.caller(headers).await.map_err(Denial::to_status)?;
        // Our own processes call each other inside. Their tokens open nothing from the street.
        if matches!(caller.peer(), PeerIdentity::Service(_)) {
            return Err(Denial::CallerNotAllowed.to_status());
        }
        decide(method, Some(&caller)).map_err(Denial::to_status)?;
        Ok(Some(caller))
    }

    /// Whether this client may ask once more.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with a time to come back.
    pub async fn rate(
        &self,
        method: &Method,
        caller: Option<&Caller>,
        peer: IpAddr,
    ) -> Result<(), Status> {
        let client = match caller {
            Some(caller) => Client::Subject(caller.subject.as_str()),
            None => Client::Address(peer),
        };
        let now = Deadline::after(Duration::ZERO).at;
        let taken = self.rates.take(method.path, client, now).await;
        taken.map_err(|retry_after| Error::RateLimited { retry_after }.into())
    }
}
