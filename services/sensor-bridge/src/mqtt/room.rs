//! How much may wait in memory, whatever the number of messages: a node's birth is a thousand times as long as a reading.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SessionError;

/// What is counted in.
const UNIT_BYTES: usize = 1_024;

/// Room for messages from their arrival until they are durable. Clones share it.
#[derive(Clone, Debug)]
pub struct Room {
    units: Arc<Semaphore>,
    units_max: usize,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        let units_max = (bytes_max / UNIT_BYTES).max(1);
        Self { units: Arc::new(Semaphore::new(units_max)), units_max }
    }

    /// Room for a message, if there is some now.
    pub fn find(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.units.clone().try_acquire_many_owned(self.units_of(bytes)).ok()
    }

    /// Room for a message, as soon as there is some.
    ///
    /// # Errors
    /// When the bridge stops.
    pub async fn wait(&self, bytes: usize) -> Result<OwnedSemaphorePermit, SessionError> {
        let found = self.units.clone().acquire_many_owned(self.units_of(bytes)).await;
        found.map_err(|_closed| SessionError::Stopping)
    }

    /// Every message takes some; one that is larger than all there is takes all.
    fn units_of(&self, bytes: usize) -> u32 {
        let units = (bytes / UNIT_BYTES + 1).min(self.units_max);
        u32::try_from(units).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_by_bytes_and_comes_back() {
        let room = Room::new(4 * UNIT_BYTES);
        let small: Vec<_> = (0..3).filter_map(|_| room.find(100)).collect();
        assert_eq!(small.len(), 3);
        assert!(room.find(1_500).is_none(), "two units");
        drop(small);
        assert!(room.find(1_500).is_some());
        assert!(
            room.find(usize::MAX / 2).is_some(),
            "a giant waits for all and is not stuck for ever"
        );
    }
}
