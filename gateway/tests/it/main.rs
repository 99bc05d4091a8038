//! The gateway against real servers: generated ones, and raw HTTP/2 ones that misbehave.

#![expect(clippy::unwrap_used, reason = "tests")]

mod abort;
mod abuse;
mod admin;
mod client;
mod clients;
mod cluster;
mod conformance;
mod cors;
mod doubles;
mod files;
mod hedge;
mod hooks;
mod interop;
mod keys;
mod lifecycle;
mod limits;
mod mtls;
mod native;
mod obedient;
mod rates;
mod replicas;
mod rest;
mod settings;
mod test_service;
mod tls;
mod turned_away;
mod web;
mod world;
