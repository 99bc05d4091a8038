//! The platform against real servers and over real connections.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod identity;
mod migrations;
mod mtls;
mod transactions;
