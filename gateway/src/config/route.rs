//! A route in YAML, in Envoy's words.

use std::time::Duration;

use super::RouteConfig;
use super::fields::Fields;
use crate::cluster::{RetryOn, RetryPolicy};

/// Words of `retry_on`, as Envoy knows them for gRPC and for connections.
const RETRY_ON: &str = "connect-failure, refused-stream, reset, deadline-exceeded, unavailable";

/// Reads one; with the line of the cluster's name.
pub fn read(mut fields: Fields<'_>) -> Option<(RouteConfig, usize)> {
    let prefix = match fields.map("match") {
        Some(mut matched) => matched.require("prefix").and_then(|(line, prefix)| {
            if prefix.starts_with('/') {
                return Some(prefix.to_owned());
            }
            matched.wrong_at(line, "prefix", "a path begins with /");
            None
        }),
        None => {
            fields.wrong("match is missing");
            None
        }
    };
    let Some(mut route) = fields.map("route") else {
        fields.wrong("route is missing");
        return None;
    };
    let cluster = route.require("cluster");
    let timeout = route.find_duration("timeout");
    let mut retry = match route.map("retry_policy") {
        Some(policy) => retry_policy(policy),
        None => RetryPolicy::default(),
    };
    if let Some(policy) = route.map("hedge_policy") {
        hedge_policy(policy, &mut retry, timeout);
    }
    let (line, cluster) = cluster?;
    Some((RouteConfig { prefix: prefix?, cluster: cluster.to_owned(), timeout, retry }, line))
}

/// A hedge that could never be made is a mistake: who writes it down means to have it.
fn hedge_policy(mut fields: Fields<'_>, retry: &mut RetryPolicy, timeout: Option<Duration>) {
    const NAME: &str = "hedge_on_per_try_timeout";
    let Some(hedge) = fields.parse(NAME, "true") else { return };
    retry.hedge_on_per_try_timeout = hedge;
    if !hedge {
        return;
    }
    let missing = match retry.per_try_timeout {
        None => "retry_policy.per_try_timeout is missing, after which another attempt is made",
        Some(own) if timeout.is_some_and(|timeout| own >= timeout) => {
            "retry_policy.per_try_timeout is not shorter than timeout, so that nothing is hedged"
        }
        Some(_) if retry.num_retries == 0 => {
            "retry_policy.num_retries is 0, so that nothing is hedged"
        }
        Some(_) => return,
    };
    let line = fields.find(NAME).map_or(fields.line, |node| node.line);
    fields.wrong_at(line, NAME, missing);
}

fn retry_policy(mut fields: Fields<'_>) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    if let Some((line, words)) = fields.text("retry_on") {
        policy.retry_on = RetryOn::NEVER;
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let on = &mut policy.retry_on;
            match word {
                "connect-failure" => on.connect_failure = true,
                "refused-stream" => on.refused_stream = true,
                "reset" => on.reset = true,
                "deadline-exceeded" => on.deadline_exceeded = true,
                "unavailable" => on.unavailable = true,
                other => {
                    let what = format!("{other} is not known; there is {RETRY_ON}");
                    fields.wrong_at(line, "retry_on", &what);
                }
            }
        }
    }
    fields.number("num_retries", &mut policy.num_retries);
    policy.per_try_timeout = fields.find_duration("per_try_timeout");
    if let Some(mut back_off) = fields.map("retry_back_off") {
        back_off.duration("base_interval", &mut policy.base_interval);
        policy.max_interval = policy.base_interval * 10;
        back_off.duration("max_interval", &mut policy.max_interval);
        if policy.max_interval < policy.base_interval {
            back_off.wrong("max_interval is shorter than base_interval");
        }
    }
    policy
}
