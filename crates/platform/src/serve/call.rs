//! The call that is being served: what its handler, and every call that the handler makes in turn,
//! must respect. It travels as a task-local, so that no signature between the door and an outgoing
//! call has to carry it; [`carry`] takes it along into a spawned task.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parkmesh_contracts::methods::Method;
use tokio_util::sync::CancellationToken;

use super::Deadline;
use crate::auth::Caller;

tokio::task_local! {
    static CURRENT: Arc<Call>;
}

/// Calls that came to this process.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// One incoming call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its row in the method table.
    pub method: &'static Method,
    /// Who calls; `None` on methods that need no token.
    pub caller: Option<Arc<Caller>>,
    /// Until when its caller waits; server streams may have none.
    pub deadline: Option<Deadline>,
    /// Its place in the order in which calls came to this process.
    pub arrival: u64,
    /// Cancelled when the server stops or the connection retires.
    pub(super) ending: CancellationToken,
}

impl Call {
    /// The call that the current task serves, if it serves one.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Runs a future as part of this call.
    pub fn scope<F: Future>(self: Arc<Self>, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Runs one poll as part of this call.
    pub(super) fn enter<T>(self: Arc<Self>, poll: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, poll)
    }
}

/// Takes the current call along into a future that will run on another task. Without a current call
/// it changes nothing.
pub fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let call = Call::current();
    async move {
        match call {
            Some(call) => call.scope(future).await,
            None => future.await,
        }
    }
}

/// The next place in the order of arrival.
pub(super) fn arrive() -> u64 {
    ARRIVED.fetch_add(1, Ordering::Relaxed)
}

/// The place of the current call in the order in which calls came to this process; outside of a call
/// that of whoever comes now.
pub fn arrival() -> u64 {
    CURRENT.try_with(|call| call.arrival).unwrap_or_else(|_| arrive())
}

/// Cancelled when the server of the current call wants its streams to end. The server itself ends
/// them with a reason at that moment; a handler looks here to stop the work behind a stream. Outside
/// of a call the token is never cancelled.
pub fn stopping() -> CancellationToken {
    CURRENT.try_with(|call| call.ending.clone()).unwrap_or_default()
}
