//! What tests and bench need of the real world, each with its own piece of it: a database, streams, tokens,
//! a port. Never used from src of a service.
//!
//! The servers are those of `PARKMESH_TEST_*`; `cargo xtask test` starts them and sets these. A missing
//! one is a failure that says so, never a silent skip.

mod bus;
mod certificates;
mod database;
mod mailbox;
mod node;
mod python;
mod servers;
mod tokens;
mod wait;

pub use bus::{recorded, test_bus};
pub use certificates::{Certificates, authority, issued, service_id};
pub use database::TestDatabase;
pub use mailbox::Mailbox;
pub use node::node_with;
pub use python::python_with;
pub use servers::{mqtt_url, nats_url, postgres_url, redis_url};
pub use tokens::Tokens;
pub use wait::{eventually, listener};
