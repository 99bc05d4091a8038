//! The cache of verified tokens: a signature is checked once, not once per call.
//!
//! The key is the whole token, so that a hit is an equal token and not merely an equal hash; the
//! map's own hash is seeded per process, which leaves nothing to collide on purpose.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use super::Caller;

/// Most tokens remembered. A token and its caller take about 2 KiB, so this is 32 MiB at worst.
pub(super) const TOKENS_MAX: usize = 16_384;

/// Locks that the tokens are spread over.
const SHARDS: usize = 16;

const SHARD_TOKENS_MAX: usize = TOKENS_MAX / SHARDS;

/// A token that was found good, until it ends.
#[derive(Clone)]
pub(super) struct Verified {
    pub caller: Arc<Caller>,
    /// Seconds since 1970.
    pub expires_at_seconds: i64,
}

/// Bounded, and never trusted past a token's end.
pub(super) struct TokenCache {
    hasher: RandomState,
    shards: [RwLock<HashMap<Arc<str>, Verified>>; SHARDS],
}

impl TokenCache {
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| RwLock::default()) }
    }

    pub fn find(&self, token: &str) -> Option<Verified> {
        self.shard(token).read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    pub fn insert(&self, verified: Verified, now_seconds: i64) {
        let token = Arc::clone(&verified.caller.token);
        let mut shard = self.shard(&token).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= SHARD_TOKENS_MAX {
            shard.retain(|_, kept| kept.expires_at_seconds > now_seconds);
        }
        if shard.len() >= SHARD_TOKENS_MAX {
            // Full of living tokens: half of them go, in the map's own order, which nobody can
            // steer. Each costs one signature check when it comes again.
            let mut keep = false;
            shard.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
        shard.insert(token, verified);
    }

    pub fn remove(&self, token: &str) {
        self.shard(token).write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Forgets everything: the keys have changed, and a withdrawn key must not live on here.
    pub fn clear(&self) {
        for shard in &self.shards {
            shard.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().map_or(0, |tokens| tokens.len())).sum()
    }

    fn shard(&self, token: &str) -> &RwLock<HashMap<Arc<str>, Verified>> {
        // The signature's last bytes spread well and are cheaper to hash than the whole token.
        let tail = &token.as_bytes()[token.len().saturating_sub(8)..];
        let hash = self.hasher.hash_one(tail);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    fn verified(token: &str, expires_at_seconds: i64) -> Verified {
        let caller = Caller {
            subject: "ada".parse().expect("a user id"),
            role: Role::Driver,
            scopes: Vec::new(),
            lots: Vec::new(),
            token: token.into(),
        };
        Verified { caller: Arc::new(caller), expires_at_seconds }
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let cache = TokenCache::new();
        for number in 0..TOKENS_MAX * 2 {
            cache.insert(verified(&format!("token-{number:08}"), 100), 0);
        }
        assert!(cache.len() <= TOKENS_MAX, "{}", cache.len());
    }

    #[test]
    fn expired_tokens_make_room_before_living_ones_do() {
        let cache = TokenCache::new();
        for number in 0..TOKENS_MAX {
            cache.insert(verified(&format!("old-{number:08}"), 10), 0);
        }
        cache.insert(verified("living", 100), 20);
        for number in 0..SHARDS * 200 {
            cache.insert(verified(&format!("new-{number:08}"), 100), 20);
        }
        assert!(cache.find("living").is_some());
    }
}
