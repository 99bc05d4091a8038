//! Settings, with their defaults in one place.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use parkmesh_platform::config::Reader;
use parkmesh_platform::serve::ServeConfig;

use crate::grpc::WatchConfig;

/// Settings of this service.
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits of the server.
    pub serve: ServeConfig,
    /// How watches go.
    pub watch: WatchConfig,
    /// How often the picture is compared with what booking and sensor know.
    pub reconcile_period: Duration,
    /// Stands before every key in Redis; empty in production.
    pub redis_prefix: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Answers come from memory: what the threads of one runtime do to one another would be a quarter of their cost.
            serve: ServeConfig {
                threads: available_parallelism().map_or(1, NonZero::get),
                ..ServeConfig::default()
            },
            watch: WatchConfig::default(),
            reconcile_period: Duration::from_secs(300),
            redis_prefix: String::new(),
        }
    }
}

impl Config {
    /// Reads `PARKMESH_WATCH_HEARTBEAT_SECONDS`, `_WATCH_LIFE_MAX_SECONDS`, `_WATCH_GATHER_MS`,
    /// `_RECONCILE_SECONDS`, `_REDIS_PREFIX` and what [`ServeConfig::read`] reads.
    pub fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let serve = default.serve.or(reader);
        let mut seconds = |name: &'static str, default: Duration| {
            let seconds = reader.get(name, default.as_secs());
            if seconds == 0 {
                reader.mistake(format!("PARKMESH_{name} must be at least 1"));
            }
            Duration::from_secs(seconds)
        };
        let heartbeat = seconds("WATCH_HEARTBEAT_SECONDS", default.watch.heartbeat);
        let life_max = seconds("WATCH_LIFE_MAX_SECONDS", default.watch.life_max);
        let reconcile_period = seconds("RECONCILE_SECONDS", default.reconcile_period);
        let gather_ms = reader.get("WATCH_GATHER_MS", 5);
        let watch = WatchConfig { heartbeat, life_max, gather: Duration::from_millis(gather_ms) };
        let redis_prefix = reader.get("REDIS_PREFIX", default.redis_prefix);
        Self { serve, watch, reconcile_period, redis_prefix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_gives_the_defaults_and_a_zero_period_is_a_mistake() {
        let mut reader = Reader::of([("PARKMESH_WATCH_HEARTBEAT_SECONDS", "0")]);
        let config = Config::read(&mut reader);
        assert_eq!(config.reconcile_period, Duration::from_secs(300));
        assert_eq!(config.watch.life_max, Duration::from_secs(900));
        assert_eq!(reader.finish().expect_err("one mistake").mistakes.len(), 1);
    }
}
