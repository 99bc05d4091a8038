//! What is counted.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use parkmesh_platform::telemetry;

/// The counters of this service.
#[derive(Clone, Debug)]
pub struct Metrics {
    judged: Counter<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let meter = telemetry::meter();
        let judged = meter.u64_counter("parkmesh.sensor.judged");
        let what =
            "Statements of drivers, kiosks and gates about spots, by whether their sensor agrees";
        Self { judged: judged.with_description(what).build() }
    }
}

impl Metrics {
    /// So many statements were compared with sensors.
    pub fn judged(&self, agreed: u64, differed: u64) {
        for (outcome, count) in [("agreed", agreed), ("differed", differed)] {
            self.judged.add(count, &[KeyValue::new("outcome", outcome)]);
        }
    }
}
