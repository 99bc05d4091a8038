//! The whole house, seen from the street: `parkmesh up` as anybody would start it, with its own servers and
//! a process per role, and everything done through the gateway and the MQTT broker.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is outside of the house: it has its own time and chance"
)]

mod access;
mod app;
mod broker;
mod canary;
mod clients;
mod k8s;
mod kills;
mod longer;
mod matrix;
mod names;
mod opendata;
mod race;
mod refusals;
mod replay;
mod restore;
mod searching;
mod simulate;
mod story;
mod support;
mod told;
mod torture;
mod trace;
mod versions;
