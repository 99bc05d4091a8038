//! The most that a gateway held in memory while it was looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Failure;
use crate::memory::resident_megabytes;

const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// Somebody who looks at it.
pub struct Watched {
    ended: Arc<AtomicBool>,
    looking: JoinHandle<f64>,
}

impl Watched {
    /// Looks from now on.
    pub fn start(pid: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let looking = std::thread::spawn(move || {
            let mut peak: f64 = 0.0;
            while !told.load(Ordering::Relaxed) {
                peak = peak.max(resident_megabytes(pid).unwrap_or(0.0));
                std::thread::sleep(LOOK_PERIOD);
            }
            peak
        });
        Self { ended, looking }
    }

    /// Looks no more; megabytes.
    pub fn end(self) -> Result<f64, Failure> {
        self.ended.store(true, Ordering::Relaxed);
        self.looking.join().map_err(|_panic| "memory could not be watched".into())
    }
}
