//! How often a client may ask: a bucket of tokens for each client and rule, as Envoy's local rate limit, told in
//! one number (the time at which the bucket is full again, GCRA) and bounded in memory.

mod shared;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use shared::Shared;

/// Buckets remembered. Each takes some 32 bytes; a full one is as good as none.
const BUCKETS_MAX: usize = 131_072;
/// Locks that they are spread over.
const SHARDS: usize = 16;
const SHARD_BUCKETS_MAX: usize = BUCKETS_MAX / SHARDS;

/// How often calls may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// Of which methods: what their paths begin with.
    pub prefix: String,
    /// Whether each method has a bucket of its own.
    pub per_method: bool,
    /// Whether all gateways count together, in Redis.
    pub shared: bool,
    /// Calls at once.
    pub max_tokens: u32,
    /// Tokens that come back in each interval.
    pub tokens_per_fill: u32,
    /// That interval.
    pub fill_interval: Duration,
}

impl RateLimitConfig {
    /// Time in which one token comes back.
    fn interval(&self) -> Duration {
        self.fill_interval / self.tokens_per_fill.max(1)
    }

    /// What a bucket may miss and still have a token.
    fn rest(&self) -> Duration {
        self.interval().saturating_mul(self.max_tokens.saturating_sub(1))
    }
}

/// Who asks: whoever the token names, else where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client<'c> {
    /// The bearer of a token.
    Subject(&'c str),
    /// Somebody without one.
    Address(IpAddr),
}

impl std::fmt::Display for Client<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "subject {subject}"),
            Self::Address(address) => write!(f, "address {address}"),
        }
    }
}

/// For each bucket the time at which it is full again.
type Buckets = HashMap<u64, Instant>;

/// The buckets of everybody.
pub struct RateLimits {
    rules: Vec<RateLimitConfig>,
    shared: Option<Shared>,
    hasher: RandomState,
    shards: [Mutex<Buckets>; SHARDS],
}

impl RateLimits {
    /// Everybody's buckets are full.
    pub fn new(rules: Vec<RateLimitConfig>, shared: Option<Shared>) -> Arc<Self> {
        let shards = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self { rules, shared, hasher: RandomState::new(), shards })
    }

    /// The rules.
    pub fn rules(&self) -> &[RateLimitConfig] {
        &self.rules
    }

    /// Takes a token of each rule that fits: here, then where all gateways count together.
    ///
    /// # Errors
    /// The time after which there is one again.
    pub async fn take(&self, path: &str, client: Client<'_>, now: Instant) -> Result<(), Duration> {
        self.take_here(path, client, now)?;
        let Some(shared) = &self.shared else { return Ok(()) };
        let rules = self.rules.iter().filter(|rule| rule.shared && path.starts_with(&rule.prefix));
        for rule in rules {
            let method = if rule.per_method { path } else { "" };
            // In a box: few gateways count together, and every call would be as large.
            if let Some(wait) = Box::pin(shared.take(rule, method, &client.to_string())).await {
                return Err(wait);
            }
        }
        Ok(())
    }

    /// Takes a token of each rule that fits, of this gateway's own buckets.
    fn take_here(&self, path: &str, client: Client<'_>, now: Instant) -> Result<(), Duration> {
        for (index, rule) in self.rules.iter().enumerate() {
            if !path.starts_with(&rule.prefix) {
                continue;
            }
            let method = if rule.per_method { path } else { "" };
            let key = self.hasher.hash_one((index, method, client));
            self.take_of(key, rule, now)?;
        }
        Ok(())
    }

    fn take_of(&self, key: u64, rule: &RateLimitConfig, now: Instant) -> Result<(), Duration> {
        let interval = rule.interval();
        let all = rule.rest();
        let shard = &self.shards[usize::try_from(key % SHARDS as u64).unwrap_or(0)];
        let mut buckets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.get(&key).copied().unwrap_or(now).max(now);
        let missing = full_at.saturating_duration_since(now);
        if missing > all {
            return Err(missing - all);
        }
        if buckets.len() >= SHARD_BUCKETS_MAX && !buckets.contains_key(&key) {
            make_room(&mut buckets, now);
        }
        buckets.insert(key, full_at + interval);
        Ok(())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().map_or(0, |buckets| buckets.len())).sum()
    }
}

/// Full buckets go; if none is, half of all, in an order that nobody can steer.
fn make_room(buckets: &mut Buckets, now: Instant) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= SHARD_BUCKETS_MAX {
        let mut keep = false;
        buckets.retain(|_, _| {
            keep = !keep;
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rule(prefix: &str, per_method: bool) -> RateLimitConfig {
        let prefix = prefix.to_owned();
        RateLimitConfig {
            prefix,
            per_method,
            shared: false,
            max_tokens: 3,
            tokens_per_fill: 2,
            fill_interval: SECOND,
        }
    }

    fn taken(limits: &RateLimits, path: &str, subject: &str, now: Instant) -> usize {
        let client = Client::Subject(subject);
        std::iter::from_fn(|| limits.take_here(path, client, now).ok()).take(100).count()
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_fills_with_time() {
        let (limits, now) = (RateLimits::new(vec![rule("/", false)], None), Instant::now());
        assert_eq!(taken(&limits, "/a/b", "anna", now), 3);
        let wait = limits.take_here("/a/b", Client::Subject("anna"), now).expect_err("empty");
        assert_eq!(wait, SECOND / 2);
        assert_eq!(taken(&limits, "/a/b", "anna", now + wait), 1);
        assert_eq!(taken(&limits, "/a/b", "anna", now + wait + SECOND), 2);
        assert_eq!(taken(&limits, "/a/b", "anna", now + SECOND * 60), 3, "never more");
    }

    #[test]
    fn clients_and_methods_have_buckets_of_their_own() {
        let rules = vec![rule("/a/", true)];
        let (limits, now) = (RateLimits::new(rules, None), Instant::now());
        assert_eq!(taken(&limits, "/a/b", "anna", now), 3);
        assert_eq!(taken(&limits, "/a/c", "anna", now), 3);
        assert_eq!(taken(&limits, "/a/b", "ben", now), 3);
        assert_eq!(taken(&limits, "/z/z", "anna", now), 100, "no rule fits");
        let address = Client::Address([127, 0, 0, 1].into());
        assert!(limits.take_here("/a/b", address, now).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_empty_buckets_outlive_full_ones() {
        let (limits, now) = (RateLimits::new(vec![rule("/", false)], None), Instant::now());
        assert_eq!(taken(&limits, "/", "anna", now + SECOND * 60), 3);
        for number in 0..BUCKETS_MAX {
            let subject = format!("somebody-{number}");
            assert!(limits.take_here("/", Client::Subject(&subject), now).is_ok());
        }
        let later = now + SECOND * 60;
        for number in 0..BUCKETS_MAX {
            let subject = format!("else-{number}");
            assert!(limits.take_here("/", Client::Subject(&subject), later).is_ok());
        }
        assert!(limits.len() <= BUCKETS_MAX);
        let unlimited = RateLimits::new(Vec::new(), None);
        assert_eq!((taken(&unlimited, "/", "anna", now), unlimited.len()), (100, 0));
    }
}
