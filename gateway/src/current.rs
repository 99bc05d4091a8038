//! The gate as it is now: settings may change while connections stay.

use std::sync::{Arc, PoisonError, RwLock};

use crate::call::Gate;

/// What each request asks for when it comes; it keeps what it got to its end.
pub struct Current(RwLock<Arc<Gate>>);

impl Current {
    /// This gate.
    pub fn new(gate: Gate) -> Self {
        Self(RwLock::new(Arc::new(gate)))
    }

    /// The gate as it is now.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on another one.
    pub fn set(&self, gate: Gate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(gate);
    }
}
