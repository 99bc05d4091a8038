//! Limits of what a cluster is asked at once. Refusing at once is better than a queue that grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parkmesh_contracts::methods::Criticality;
use parkmesh_platform::serve::part_of;

use super::settings::BreakerConfig;

/// A counter with places.
#[derive(Debug, Default)]
pub struct Room {
    taken: Arc<AtomicUsize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Room {
    /// Places taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A place, if fewer than `limit` are taken.
    pub fn enter(&self, limit: usize) -> Option<Place> {
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        // Made first: dropping it gives the place back.
        let place = Place(Arc::clone(&self.taken));
        (before < limit).then_some(place)
    }
}

/// The limits of one cluster.
#[derive(Debug)]
pub struct Breakers {
    config: BreakerConfig,
    /// Connections.
    pub connections: Room,
    /// Calls that wait for one.
    pub pending: Room,
    /// Calls and streams.
    pub requests: Room,
    /// Repetitions.
    pub retries: Room,
}

impl Breakers {
    /// With these limits.
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            connections: Room::default(),
            pending: Room::default(),
            requests: Room::default(),
            retries: Room::default(),
        }
    }

    /// A place for a connection.
    pub fn connection(&self) -> Option<Place> {
        self.connections.enter(self.config.max_connections)
    }

    /// A place to wait for one.
    pub fn waiting(&self) -> Option<Place> {
        self.pending.enter(self.config.max_pending_requests)
    }

    /// A place for a call. The last ones are for those that matter most.
    pub fn request(&self, criticality: Criticality) -> Option<Place> {
        self.requests.enter(part_of(self.config.max_requests, criticality))
    }

    /// A place for a repetition.
    pub fn retry(&self) -> Option<Place> {
        let limit = match self.config.retry_budget {
            Some(budget) => {
                let share = self.requests.taken() * budget.budget_percent as usize / 100;
                share.max(budget.min_retry_concurrency)
            }
            None => self.config.max_retries,
        };
        self.retries.enter(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::RetryBudget;
    use super::*;

    fn taken(enter: impl FnMut() -> Option<Place>) -> Vec<Place> {
        std::iter::from_fn(enter).take(1_000).collect()
    }

    #[test]
    fn each_limit_is_its_own_and_places_come_back() {
        let config = BreakerConfig {
            max_connections: 1,
            max_pending_requests: 2,
            max_requests: 3,
            max_retries: 4,
            retry_budget: None,
        };
        let breakers = Breakers::new(config);
        for _ in 0..2 {
            assert_eq!(taken(|| breakers.connection()).len(), 1);
            assert_eq!(taken(|| breakers.waiting()).len(), 2);
            assert_eq!(taken(|| breakers.request(Criticality::Critical)).len(), 3);
            assert_eq!(taken(|| breakers.retry()).len(), 4);
        }
        assert_eq!(breakers.requests.taken(), 0);
    }

    #[test]
    fn the_last_places_are_for_calls_that_matter_most() {
        let breakers =
            Breakers::new(BreakerConfig { max_requests: 10, ..BreakerConfig::default() });
        let held: Vec<_> = taken(|| breakers.request(Criticality::Sheddable));
        assert_eq!(held.len(), 7);
        let more: Vec<_> = taken(|| breakers.request(Criticality::Normal));
        assert_eq!(more.len(), 2);
        assert!(breakers.request(Criticality::Critical).is_some());
    }

    #[test]
    fn the_retry_budget_grows_with_the_calls_under_way_and_has_a_floor() {
        let retry_budget = Some(RetryBudget { budget_percent: 20, min_retry_concurrency: 3 });
        let breakers = Breakers::new(BreakerConfig { retry_budget, ..BreakerConfig::default() });
        assert_eq!(taken(|| breakers.retry()).len(), 3);
        let _calls: Vec<_> = (0..100).map(|_| breakers.request(Criticality::Critical)).collect();
        assert_eq!(taken(|| breakers.retry()).len(), 20);
    }
}
