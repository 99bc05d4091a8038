//! What the journeys need: a running `up`, people who call, a car that parks.

mod car;
mod collector;
mod people;
mod up;
mod wait;

pub use car::Car;
pub use collector::Collector;
pub use people::{Driver, Office, reason};
pub use up::{Up, servers_home};
pub use wait::{eventually, eventually_ok};
