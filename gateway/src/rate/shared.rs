//! The same buckets for all gateways, in Redis. While it is away each gateway counts for itself: a limit is
//! no reason to refuse everybody.

use std::time::Duration;

use parkmesh_platform::redis::{Pool, redis};
use parkmesh_platform::serve::Deadline;
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;

use super::RateLimitConfig;

/// How long a call may wait for its token.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// One number for each bucket: when it is full again, in microseconds of the server's clock. Answers 0, or how many
/// microseconds a token is away.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local missing = full - now
if missing > tonumber(ARGV[1]) then return missing - tonumber(ARGV[1]) end
full = full + tonumber(ARGV[2])
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return 0
";

/// The buckets in Redis.
pub struct Shared {
    pool: Pool,
}

impl Shared {
    /// Through this pool.
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Takes a token; the time after which there is one, if there is none. Nobody is asked for longer
    /// than a moment: no answer counts as a token.
    pub async fn take(
        &self,
        rule: &RateLimitConfig,
        method: &str,
        client: &str,
    ) -> Option<Duration> {
        let until = Deadline::after(WAIT_MAX);
        match timeout_at(until.at, self.ask(rule, method, client)).await {
            Ok(Ok(0)) => None,
            Ok(Ok(us)) => Some(Duration::from_micros(us)),
            Ok(Err(error)) => {
                tracing::debug!(error, "the shared rate limits are away");
                None
            }
            Err(_elapsed) => None,
        }
    }

    async fn ask(&self, rule: &RateLimitConfig, method: &str, client: &str) -> Result<u64, String> {
        let mut connection = self.pool.get().await.map_err(|error| error.to_string())?;
        let asked = redis::cmd("EVAL")
            .arg(TAKE)
            .arg(1)
            .arg(key(rule, method, client))
            .arg(us(rule.rest()))
            .arg(us(rule.interval()))
            .query_async(&mut connection)
            .await;
        asked.map_err(|error: redis::RedisError| error.to_string())
    }
}

/// A hash: who calls is nobody's business in Redis.
fn key(rule: &RateLimitConfig, method: &str, client: &str) -> String {
    let mut hash = Sha256::new();
    for part in [rule.prefix.as_str(), method, client] {
        hash.update(u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
        hash.update(part);
    }
    let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("gateway:rate:{hash}")
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_nobody_and_tells_all_apart() {
        let rule = RateLimitConfig {
            prefix: "/a/".to_owned(),
            per_method: true,
            shared: true,
            max_tokens: 1,
            tokens_per_fill: 1,
            fill_interval: Duration::from_secs(1),
        };
        let keys = [("/a/b", "anna"), ("/a/c", "anna"), ("/a/b", "ben"), ("/a/ba", "nna")];
        let keys: std::collections::BTreeSet<_> =
            keys.iter().map(|(method, client)| key(&rule, method, client)).collect();
        assert_eq!(keys.len(), 4);
        assert!(keys.iter().all(|key| !key.contains("anna") && key.len() < 64));
    }
}
