//! The plumbing that every process of Parkmesh shares: clock, chance, settings, errors, telemetry, stores,
//! serving, calling, identity. It knows no parking rule.

pub mod admin;
pub mod auth;
pub mod channel;
pub mod clock;
pub mod clock_file;
pub mod config;
pub mod failpoint;
pub mod fault;
pub mod html;
pub mod ids;
pub mod page;
pub mod postgres;
pub mod reasons;
pub mod redis;
pub mod seal;
pub mod serve;
pub mod tasks;
pub mod telemetry;
pub mod tls;
