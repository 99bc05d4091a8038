//! Redis: a pool whose waits are bounded. Nothing of value lives there; see availability.

use std::time::Duration;

pub use deadpool_redis::redis;
use deadpool_redis::redis::AsyncConnectionConfig;
pub use deadpool_redis::{Connection, Pool, PoolError};
use deadpool_redis::{Manager, Runtime};

use crate::config::Reader;

/// How Redis is reached.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://host:port/db`.
    pub url: String,
    /// Connections at most.
    pub connections_max: usize,
    /// How long an answer may take.
    pub response_timeout: Duration,
}

impl RedisConfig {
    /// Reads `PARKMESH_REDIS_URL`, `_REDIS_CONNECTIONS_MAX` and `_REDIS_RESPONSE_TIMEOUT_MS`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::of(reader.require::<String>("REDIS_URL"));
        let timeout_ms = reader.get("REDIS_RESPONSE_TIMEOUT_MS", 2_000);
        Self {
            connections_max: reader.get("REDIS_CONNECTIONS_MAX", default.connections_max),
            response_timeout: Duration::from_millis(timeout_ms),
            ..default
        }
    }

    /// Defaults for this address.
    pub fn of(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections_max: 8, response_timeout: Duration::from_secs(2) }
    }
}

/// The pool could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The address.
    #[error("PARKMESH_REDIS_URL is not usable")]
    Url(#[from] redis::RedisError),
    /// The pool.
    #[error("the Redis pool could not be made")]
    Pool(#[from] deadpool_redis::BuildError),
}

/// A pool. Connects when it is first used: Redis may be away when a process starts.
///
/// # Errors
/// When the address is not usable.
pub fn connect(config: &RedisConfig) -> Result<Pool, RedisError> {
    let connection = AsyncConnectionConfig::new()
        .set_response_timeout(Some(config.response_timeout))
        .set_connection_timeout(Some(config.response_timeout));
    let manager = Manager::new_with_config(config.url.as_str(), connection)?;
    let pool = Pool::builder(manager)
        .max_size(config.connections_max)
        .wait_timeout(Some(config.response_timeout))
        .create_timeout(Some(config.response_timeout))
        .recycle_timeout(Some(config.response_timeout))
        .runtime(Runtime::Tokio1)
        .build()?;
    Ok(pool)
}
