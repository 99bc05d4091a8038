//! The bridge between a real broker and a double of the sensor service. The real pair is tested where the whole
//! house is.

#![expect(clippy::unwrap_used, reason = "tests")]

mod carrying;
mod double;
mod nodes;
mod promise;
mod tls;
mod world;
