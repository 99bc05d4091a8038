//! MQTT in, gRPC stream out: what devices say becomes readings for the sensor service. It owns
//! nothing.
//!
//! Its promise: a message is acknowledged to the broker only after the sensor service has
//! acknowledged it as
//! durable. Until then the broker keeps it, through any kill of ours.
//!
//! Start reading at `decode`, what a message means; then `uplink`, which keeps the promise.

mod batches;
mod config;
mod decode;
mod devices;
mod interpret;
mod metrics;
mod mqtt;
mod start;
mod uplink;

pub use config::Config;
pub use decode::plain::{Fields, Mappings};
pub use decode::{Frame, Kind, MODELS, Make, Previous, Speaker, Topics, Unreadable};
pub use mqtt::Tls;
pub use start::{Deps, NAME, StartError, start};
