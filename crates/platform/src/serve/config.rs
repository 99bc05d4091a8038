//! The limits of a server, each with its name and default.

use std::time::Duration;

use crate::config::Reader;

/// Limits of one server. The defaults suit a service with a few replicas behind a gateway.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Threads that answer calls, each with connections of its own; 0 leaves them to the runtime of the process.
    pub threads: usize,
    /// Calls in flight in the whole process, open streams apart; see load shedding.
    pub calls_max: usize,
    /// Open server streams in the whole process.
    pub streams_max: usize,
    /// Open connections; more wait in the listener's backlog.
    pub connections_max: usize,
    /// HTTP/2 streams, calls and open streams together, on one connection. A gateway carries all its
    /// watchers over one.
    pub connection_streams_max: u32,
    /// Headers of one request, in bytes; a token is the largest of them.
    pub header_bytes_max: u32,
    /// Age at which a connection retires, give or take a tenth, so that load spreads over new replicas.
    pub connection_age: Duration,
    /// How long a retired connection's streams may go on before they are ended with a reason.
    pub connection_grace: Duration,
    /// How long a server stream may live, whatever its service does.
    pub stream_life_max: Duration,
    /// How long a stop waits for calls in flight before it cuts them.
    pub drain: Duration,
    /// Whether reflection answers.
    pub reflection: bool,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            threads: 0,
            calls_max: 4_096,
            streams_max: 16_384,
            connections_max: 4_096,
            connection_streams_max: 4_096,
            header_bytes_max: 16 * 1024,
            connection_age: Duration::from_secs(30 * 60),
            connection_grace: Duration::from_secs(5 * 60),
            stream_life_max: Duration::from_secs(60 * 60),
            drain: Duration::from_secs(10),
            reflection: true,
        }
    }
}

impl ServeConfig {
    /// Reads `PARKMESH_GRPC_*`, for example `PARKMESH_GRPC_CALLS_MAX`; times are in seconds.
    pub fn read(reader: &mut Reader) -> Self {
        Self::default().or(reader)
    }

    /// The same with other defaults.
    #[must_use]
    pub fn or(self, reader: &mut Reader) -> Self {
        let default = self;
        let mut seconds = |name: &'static str, default: Duration| {
            Duration::from_secs(reader.get(name, default.as_secs()))
        };
        let connection_age = seconds("GRPC_CONNECTION_AGE_SECONDS", default.connection_age);
        let connection_grace = seconds("GRPC_CONNECTION_GRACE_SECONDS", default.connection_grace);
        let stream_life_max = seconds("GRPC_STREAM_LIFE_MAX_SECONDS", default.stream_life_max);
        let drain = seconds("GRPC_DRAIN_SECONDS", default.drain);
        Self {
            threads: reader.get("GRPC_THREADS", default.threads),
            calls_max: reader.get("GRPC_CALLS_MAX", default.calls_max),
            streams_max: reader.get("GRPC_STREAMS_MAX", default.streams_max),
            connections_max: reader.get("GRPC_CONNECTIONS_MAX", default.connections_max),
            connection_streams_max: reader
                .get("GRPC_CONNECTION_STREAMS_MAX", default.connection_streams_max),
            header_bytes_max: reader.get("GRPC_HEADER_BYTES_MAX", default.header_bytes_max),
            connection_age,
            connection_grace,
            stream_life_max,
            drain,
            reflection: reader.get("GRPC_REFLECTION", default.reflection),
        }
    }
}

/// How a watch runs. The defaults are what the proto promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchLimits {
    /// How often a watcher hears that we are still here.
    pub heartbeat_period: Duration,
    /// How long a watch lives.
    pub life_max: Duration,
}

impl Default for WatchLimits {
    fn default() -> Self {
        Self { heartbeat_period: Duration::from_secs(15), life_max: Duration::from_secs(15 * 60) }
    }
}
