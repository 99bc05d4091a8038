//! Rate, errors and duration of each route and its cluster.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::Code;

/// Upper bounds of the buckets, in microseconds; one more for the rest.
const BOUNDS_US: [u64; 13] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
/// gRPC's codes.
const CODES: usize = 17;

/// The counts of one route.
#[derive(Debug, Default)]
pub struct Red {
    codes: [AtomicU64; CODES],
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Red {
    /// Counts a call.
    pub fn count(&self, code: Code, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        let code = usize::try_from(code as i32).unwrap_or_default();
        if let Some(counter) = self.codes.get(code) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls by code; those that were.
    pub fn codes(&self) -> impl Iterator<Item = (usize, u64)> {
        let all = self.codes.iter().map(|count| count.load(Ordering::Relaxed)).enumerate();
        all.filter(|(_, count)| *count > 0)
    }
}

type Named = BTreeMap<(String, String), Arc<Red>>;

/// The counts of all routes, over changes of settings.
#[derive(Debug, Default)]
pub struct Reds(Mutex<Named>);

impl Reds {
    /// Those of this route to this cluster.
    pub fn of(&self, prefix: &str, cluster: &str) -> Arc<Red> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry((prefix.to_owned(), cluster.to_owned())).or_default())
    }

    /// All of them with route and cluster.
    pub fn all(&self) -> Named {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// In Prometheus' text format.
    pub fn prometheus(&self) -> String {
        let mut text = String::from("# TYPE gateway_route_duration_seconds histogram\n");
        let all = self.all();
        for ((route, cluster), red) in &all {
            let labels = format!("route=\"{route}\",cluster=\"{cluster}\"");
            let mut sum = 0;
            for (index, bucket) in red.buckets.iter().enumerate() {
                sum += bucket.load(Ordering::Relaxed);
                let bound = match BOUNDS_US.get(index) {
                    Some(us) => format!("{}", Duration::from_micros(*us).as_secs_f64()),
                    None => "+Inf".to_owned(),
                };
                let _written = writeln!(
                    text,
                    "gateway_route_duration_seconds_bucket{{{labels},le=\"{bound}\"}} {sum}"
                );
            }
            let seconds = Duration::from_micros(red.sum_us.load(Ordering::Relaxed)).as_secs_f64();
            let _written =
                writeln!(text, "gateway_route_duration_seconds_sum{{{labels}}} {seconds}");
            let _written = writeln!(text, "gateway_route_duration_seconds_count{{{labels}}} {sum}");
        }
        text.push_str("# TYPE gateway_route_calls_total counter\n");
        for ((route, cluster), red) in &all {
            for (code, count) in red.codes() {
                let _written = writeln!(
                    text,
                    "gateway_route_calls_total{{route=\"{route}\",cluster=\"{cluster}\",grpc_code=\"{code}\"}} {count}"
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_not_longer_and_the_counts_outlive_new_settings() {
        let reds = Reds::default();
        for took_ms in [1, 1, 3, 60_000] {
            reds.of("/a/", "one").count(Code::Ok, Duration::from_millis(took_ms));
        }
        reds.of("/a/", "one").count(Code::NotFound, Duration::ZERO);
        let text = reds.prometheus();
        let bucket = |bound: &str, count: u64| {
            format!("_bucket{{route=\"/a/\",cluster=\"one\",le=\"{bound}\"}} {count}\n")
        };
        for (bound, count) in [("0.0005", 1), ("0.001", 3), ("0.005", 4), ("10", 4), ("+Inf", 5)] {
            assert!(text.contains(&bucket(bound, count)), "{bound}: {text}");
        }
        assert!(text.contains("grpc_code=\"5\"} 1\n") && text.contains("grpc_code=\"0\"} 4\n"));
    }
}
