//! The gate: the one way in from outside.
//!
//! It lets browsers (gRPC-Web, binary and text, over HTTP/1.1 and HTTP/2) and gRPC clients (HTTP/2) call
//! the services inside. The contracts' method table says which methods are open, to whom, for how long
//! and what is refused first under load; a method that no token opens does not exist out here.
//!
//! It owns nothing and decodes no message, but for REST (`rest.rs`), which turns JSON into calls and goes their way. It never says yes for a service: every service checks the
//! token again, and whose booking it is only the service knows.
//!
//! Start reading at `call.rs`, one request's way through; `web` holds the translation, pure; `guard.rs`
//! sees to it that every answer ends with a status.

mod accept;
mod access;
mod admin;
mod admit;
mod call;
mod cluster;
mod config;
mod cors;
mod current;
mod error;
mod files;
mod flush;
mod guard;
mod incoming;
mod live;
mod pages;
mod plain;
mod rate;
mod red;
mod reload;
mod rest;
mod route;
mod start;
mod story;
mod web;

pub use cluster::{
    Address, BreakerConfig, ClusterConfig, HealthCheckConfig, OutlierConfig, RetryBudget, RetryOn,
    RetryPolicy, TransportSocket,
};
pub use config::{Config, CorsConfig, FileError, ListenerConfig, RouteConfig, Source};
pub use error::{DOMAIN, REASONS};
pub use rate::RateLimitConfig;
pub use start::{Deps, StartError, start};
