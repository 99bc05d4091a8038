//! What is counted of a cluster, under Envoy's names.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counts {
    ($(#[$docs:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $told:literal,)* }) => {
        $(#[$docs])*
        #[derive(Debug, Default)]
        pub struct $name { $($(#[$doc])* pub $field: Count,)* }

        impl $name {
            /// Every count with its name.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$(($told, self.$field.get()),)*]
            }
        }
    };
}

counts! {
    /// Counts of one cluster.
    Stats {
        /// Connections made.
        cx_total: "upstream_cx_total",
        /// Connections that could not be made.
        cx_connect_fail: "upstream_cx_connect_fail",
        /// Connections that were one too many.
        cx_overflow: "upstream_cx_overflow",
        /// Attempts.
        rq_total: "upstream_rq_total",
        /// Attempts that were answered.
        rq_completed: "upstream_rq_completed",
        /// Calls refused, because too many were under way or waited.
        rq_pending_overflow: "upstream_rq_pending_overflow",
        /// Attempts that broke.
        rq_rx_reset: "upstream_rq_rx_reset",
        /// Attempts that took too long while another could follow.
        rq_per_try_timeout: "upstream_rq_per_try_timeout",
        /// Calls whose deadline passed.
        rq_timeout: "upstream_rq_timeout",
        /// Repetitions.
        rq_retry: "upstream_rq_retry",
        /// Repetitions that were answered.
        rq_retry_success: "upstream_rq_retry_success",
        /// Repetitions that the budget refused.
        rq_retry_overflow: "upstream_rq_retry_overflow",
        /// Repetitions that no attempt was left for.
        rq_retry_limit_exceeded: "upstream_rq_retry_limit_exceeded",
        /// Repetitions that joined an attempt that took long.
        rq_hedge: "upstream_rq_hedge",
        /// Those that were answered first.
        rq_hedge_success: "upstream_rq_hedge_success",
        /// Attempts that were cancelled because another one was answered.
        rq_hedge_cancelled: "upstream_rq_hedge_cancelled",
        /// Questions for health.
        health_check_attempt: "health_check.attempt",
        /// Answers that were good.
        health_check_success: "health_check.success",
        /// Answers that were not, or none.
        health_check_failure: "health_check.failure",
        /// Ejections.
        ejections: "outlier_detection.ejections_enforced_total",
        /// Ejections of the slow.
        ejections_slow: "outlier_detection.ejections_slow_host",
        /// Ejections that would have been too many.
        ejections_overflow: "outlier_detection.ejections_overflow",
    }
}

counts! {
    /// Counts of one replica.
    HostStats {
        /// Attempts.
        rq_total: "rq_total",
        /// Attempts that were answered.
        rq_success: "rq_success",
        /// Attempts that were not.
        rq_error: "rq_error",
        /// Attempts that took too long.
        rq_timeout: "rq_timeout",
        /// Connections made.
        cx_total: "cx_total",
        /// Connections that could not be made.
        cx_connect_fail: "cx_connect_fail",
    }
}
