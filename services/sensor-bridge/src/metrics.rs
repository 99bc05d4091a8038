//! What is counted.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parkmesh_platform::telemetry;

use crate::interpret::Said;

/// The counters of the bridge.
#[derive(Clone, Debug)]
pub struct Metrics {
    readings: Counter<u64>,
    unreadable: Counter<u64>,
    refused: Counter<u64>,
    plates: Counter<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let meter = telemetry::meter();
        let counter = |name: &'static str, what: &'static str| {
            meter.u64_counter(name).with_description(what).build()
        };
        Self {
            readings: counter("parkmesh.bridge.readings", "Readings made of messages"),
            unreadable: counter(
                "parkmesh.bridge.unreadable",
                "Messages for the quarantine, by cause",
            ),
            plates: counter("parkmesh.bridge.plates", "Plates made of messages"),
            refused: counter(
                "parkmesh.bridge.refused",
                "Parts that the sensor service did not take",
            ),
        }
    }
}

impl Metrics {
    /// A message was read, or not.
    pub fn said(&self, said: &Said) {
        match said {
            Said::Reading(_) => self.readings.add(1, &[]),
            Said::Plate(_) => self.plates.add(1, &[]),
            Said::Unreadable(frame) => {
                self.unreadable.add(1, &[KeyValue::new("cause", frame.reason.clone())]);
            }
        }
    }

    /// The sensor service refused a part; `kept` for the operator, or not even that.
    pub fn refused(&self, kept: bool) {
        self.refused.add(1, &[KeyValue::new("kept", kept)]);
    }
}
