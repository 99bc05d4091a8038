//! The four servers.

use std::fmt;

/// One of the servers that Parkmesh stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// PostgreSQL: the truth.
    Postgres,
    /// Redis: the picture, may be lost at any time.
    Redis,
    /// NATS with JetStream: the facts on their way.
    Nats,
    /// mosquitto: the sensors' broker.
    Mosquitto,
}

impl Kind {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Redis, Self::Nats, Self::Mosquitto];

    /// A short lower-case name: of folders, logs and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Nats => "nats",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// The name of its program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis-server",
            Self::Nats => "nats-server",
            Self::Mosquitto => "mosquitto",
        }
    }

    /// The oldest version that we can use.
    pub const fn oldest(self) -> (u32, u32) {
        match self {
            Self::Postgres => (14, 0),
            Self::Redis => (6, 2),
            // Atomic batches.
            Self::Nats => (2, 12),
            Self::Mosquitto => (2, 0),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
