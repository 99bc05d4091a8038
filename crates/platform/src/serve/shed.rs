//! Load shedding: better to refuse some at once than to be late for all.
//!
//! One limit for the whole process, not per connection. The less important a method, the earlier it
//! is refused: what is left of the room belongs to money, exits and sensors. Open streams are counted
//! apart, or a thousand quiet watchers would push out everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parkmesh_contracts::methods::{Criticality, Method};

use super::Refusal;

/// Sheddable calls are refused when this part of the room is taken.
const SHEDDABLE_PERCENT: usize = 70;
/// Normal calls are refused when this part of the room is taken.
const NORMAL_PERCENT: usize = 90;

/// Shortest time after which a refused caller may come back.
const RETRY_AFTER_MIN_MS: u64 = 100;
/// Refused callers are told times spread over this range, or they would all come back together.
const RETRY_AFTER_SPREAD_MS: usize = 400;
/// A step that is coprime to the range, so that neighbours are told far-apart times.
const RETRY_AFTER_STEP_MS: usize = 157;

/// How many of these places calls of a criticality may take, the rest being kept for what matters more. A room for
/// very few still serves one of each kind.
pub fn part_of(places: usize, criticality: Criticality) -> usize {
    let percent = match criticality {
        Criticality::Sheddable => SHEDDABLE_PERCENT,
        Criticality::Normal => NORMAL_PERCENT,
        Criticality::Critical => 100,
    };
    (places.saturating_mul(percent) / 100).max(1)
}

/// The room of one server.
#[derive(Debug)]
pub struct Shed {
    calls: Room,
    streams: Room,
    refused: AtomicUsize,
}

#[derive(Debug)]
struct Room {
    taken: AtomicUsize,
    limit: usize,
}

impl Shed {
    /// Room for so many calls and, apart from them, so many open streams.
    pub fn new(calls_max: usize, streams_max: usize) -> Self {
        let room = |limit| Room { taken: AtomicUsize::new(0), limit };
        Self { calls: room(calls_max), streams: room(streams_max), refused: AtomicUsize::new(0) }
    }

    /// Takes a place for a call until the permit is dropped.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when the room for calls of this criticality is taken.
    pub fn admit(self: &Arc<Self>, method: &Method) -> Result<Permit, Refusal> {
        let room = self.room(method.server_streaming);
        let taken_before = room.taken.fetch_add(1, Ordering::Relaxed);
        let permit = Permit { shed: Arc::clone(self), streaming: method.server_streaming };
        if taken_before < part_of(room.limit, method.criticality) {
            return Ok(permit);
        }
        drop(permit);
        Err(Refusal::Overloaded { retry_after: self.retry_after() })
    }

    /// Calls in flight, without streams.
    pub fn calls_in_flight(&self) -> usize {
        self.calls.taken.load(Ordering::Relaxed)
    }

    /// Open streams.
    pub fn streams_open(&self) -> usize {
        self.streams.taken.load(Ordering::Relaxed)
    }

    fn room(&self, streaming: bool) -> &Room {
        if streaming { &self.streams } else { &self.calls }
    }

    fn retry_after(&self) -> Duration {
        let count = self.refused.fetch_add(1, Ordering::Relaxed);
        let spread_ms = count.wrapping_mul(RETRY_AFTER_STEP_MS) % RETRY_AFTER_SPREAD_MS;
        Duration::from_millis(RETRY_AFTER_MIN_MS + spread_ms as u64)
    }
}

/// A place in the room.
#[derive(Debug)]
pub struct Permit {
    shed: Arc<Shed>,
    streaming: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shed.room(self.streaming).taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use parkmesh_contracts::methods::Idempotency;

    use super::*;

    fn method(criticality: Criticality, server_streaming: bool) -> Method {
        Method {
            path: "/test.Service/Method",
            service: "test.Service",
            name: "Method",
            role: "test",
            scopes: &[],
            callers: &[],
            idempotency: Idempotency::NotIdempotent,
            deadline_ms: 1_000,
            criticality,
            client_streaming: false,
            server_streaming,
        }
    }

    fn admitted(shed: &Arc<Shed>, criticality: Criticality) -> usize {
        let method = method(criticality, false);
        let permits: Vec<Permit> = std::iter::from_fn(|| shed.admit(&method).ok()).collect();
        permits.len()
    }

    #[test]
    fn the_less_important_a_call_the_earlier_it_is_refused() {
        let shed = Arc::new(Shed::new(100, 10));
        assert_eq!(admitted(&shed, Criticality::Sheddable), 70);
        assert_eq!(admitted(&shed, Criticality::Normal), 90);
        assert_eq!(admitted(&shed, Criticality::Critical), 100);
        assert_eq!(shed.calls_in_flight(), 0, "every permit gives its place back");
    }

    #[test]
    fn open_streams_do_not_push_out_calls() {
        let shed = Arc::new(Shed::new(10, 10));
        let stream = method(Criticality::Critical, true);
        let permits: Vec<Permit> = std::iter::from_fn(|| shed.admit(&stream).ok()).collect();
        assert_eq!((permits.len(), shed.streams_open()), (10, 10));
        assert!(shed.admit(&method(Criticality::Sheddable, false)).is_ok());
    }

    #[test]
    fn refused_callers_are_told_different_times() {
        let shed = Arc::new(Shed::new(1, 1));
        let times: std::collections::HashSet<Duration> =
            (0..100).map(|_| shed.retry_after()).collect();
        assert_eq!(times.len(), 100);
    }
}
