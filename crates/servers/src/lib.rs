//! Finds PostgreSQL, Redis, NATS and mosquitto on this machine, or fetches them into a folder of the
//! project, and runs private ones. Nothing is installed, and no server that is not ours is touched.
//!
//! Start reading at [`Binaries::locate_or_fetch`] and [`Servers::start`]. For development and tests on
//! one machine: the servers listen on 127.0.0.1 only, and ask for a password only where [`Access`] says whose.

mod account;
mod binaries;
mod error;
mod fetch;
mod keeper;
mod kind;
mod locate;
mod ports;
mod postgres;
mod process;
mod ready;
mod servers;
mod settings;

pub use account::reachable;
pub use binaries::{Binaries, Program};
pub use error::Error;
pub use fetch::{debian, download, envoy};
pub use kind::Kind;
pub use servers::{Care, Options, Servers};
pub use settings::Access;
