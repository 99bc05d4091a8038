//! Spots that many want at this moment. Who comes second within a second looks before trying: the
//! look is cheap, and what the crowd is told instead is searched for once, not two hundred times.
//! Only a hint: the database decides each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parkmesh_contracts::ids::SpotId;
use parkmesh_contracts::window::Window;
use prost_types::Any;
use tokio::time::Instant;

/// How long a refusal lets others look first.
const CROWDED_FOR: Duration = Duration::from_secs(1);
/// How long the same alternatives are told.
const TOLD_FOR: Duration = Duration::from_millis(100);
/// Spots kept in mind; beyond it those of the last second only.
const SPOTS_MAX: usize = 4_096;

/// What was just refused. Clones know the same.
#[derive(Clone, Default)]
pub struct Crowd(Arc<Mutex<HashMap<SpotId, Refused>>>);

struct Refused {
    window: Window,
    told: Vec<Any>,
    at: Instant,
}

impl Crowd {
    /// Whether somebody was refused this spot for an overlapping window a moment ago.
    pub fn expects(&self, spot_id: SpotId, window: &Window) -> bool {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&spot_id).is_some_and(|refused| {
            refused.at.elapsed() < CROWDED_FOR && refused.window.overlaps(window)
        })
    }

    /// What somebody else was told a moment ago who wanted the very same.
    pub fn told(&self, spot_id: SpotId, window: &Window) -> Option<Vec<Any>> {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = refused.get(&spot_id)?;
        let same = refused.window == *window && refused.at.elapsed() < TOLD_FOR;
        same.then(|| refused.told.clone())
    }

    /// Notes that a spot was refused, and what was told instead.
    pub fn note(&self, spot_id: SpotId, window: Window, told: &[Any]) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= SPOTS_MAX {
            refused.retain(|_, refused| refused.at.elapsed() < CROWDED_FOR);
        }
        if refused.len() < SPOTS_MAX {
            let told = told.to_vec();
            refused.insert(spot_id, Refused { window, told, at: Instant::now() });
        }
    }
}
