//! The settings that count, as JSON. What is secret is not among them: it stands in files that are named here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{ClusterConfig, RetryPolicy};
use crate::config::{Config, RouteConfig};

/// All of them.
pub fn config(config: &Config) -> Value {
    let listeners = config.listeners.iter().map(|one| {
        // A key's file is named, never read.
        let tls = one.tls.as_ref().map(|tls| {
            json!({ "certificate_chain": tls.certificate_chain, "private_key": tls.private_key })
        });
        json!({ "name": one.name, "address": one.address.to_string(), "tls": tls })
    });
    let rates = config.rate_limits.iter().map(|rule| {
        json!({
            "prefix": rule.prefix,
            "per_method": rule.per_method,
            "shared": rule.shared,
            "max_tokens": rule.max_tokens,
            "tokens_per_fill": rule.tokens_per_fill,
            "fill_interval": seconds(rule.fill_interval),
        })
    });
    json!({
        "admin": config.admin.map(|address| address.to_string()),
        "access_log": config.access_log,
        "listeners": listeners.collect::<Vec<_>>(),
        "routes": config.routes.iter().map(route).collect::<Vec<_>>(),
        "clusters": config.clusters.iter().map(cluster).collect::<Vec<_>>(),
        "rate_limits": rates.collect::<Vec<_>>(),
        "static_files": config.static_files,
        "cors": {
            "origins": config.cors.origins,
            "allow_headers": config.cors.allow,
            "expose_headers": config.cors.expose,
        },
        "limits": {
            "max_request_bytes": config.request_bytes_max,
            "max_response_message_bytes": config.answer_bytes_max,
            "request_timeout": seconds(config.request_wait),
            "first_request_timeout": seconds(config.first_request_wait),
            "stream_flush_timeout": seconds(config.flush_wait),
            "stream_idle_timeout": seconds(config.stream_idle),
            "max_stream_duration": seconds(config.serve.stream_life_max),
            "max_requests": config.serve.calls_max,
            "max_streams": config.serve.streams_max,
            "max_connections": config.serve.connections_max,
        },
    })
}

fn route(route: &RouteConfig) -> Value {
    json!({
        "match": { "prefix": route.prefix },
        "route": {
            "cluster": route.cluster,
            "timeout": route.timeout.map(seconds),
            "retry_policy": retry(&route.retry),
            "hedge_policy": {
                "hedge_on_per_try_timeout": route.retry.hedge_on_per_try_timeout,
            },
        },
    })
}

fn retry(policy: &RetryPolicy) -> Value {
    json!({
        "retry_on": policy.retry_on.words(),
        "num_retries": policy.num_retries,
        "per_try_timeout": policy.per_try_timeout.map(seconds),
        "retry_back_off": {
            "base_interval": seconds(policy.base_interval),
            "max_interval": seconds(policy.max_interval),
        },
    })
}

fn cluster(cluster: &ClusterConfig) -> Value {
    let breakers = &cluster.circuit_breakers;
    let health = cluster.health_check.as_ref().map(|check| {
        json!({
            "interval": seconds(check.interval),
            "unhealthy_interval": seconds(check.unhealthy_interval),
            "timeout": seconds(check.timeout),
            "unhealthy_threshold": check.unhealthy_threshold,
            "healthy_threshold": check.healthy_threshold,
            "grpc_health_check": { "service_name": check.service_name },
        })
    });
    let outlier = cluster.outlier_detection.as_ref().map(|outlier| {
        json!({
            "interval": seconds(outlier.interval),
            "consecutive_5xx": outlier.consecutive_5xx,
            "consecutive_gateway_failure": outlier.consecutive_gateway_failure,
            "base_ejection_time": seconds(outlier.base_ejection_time),
            "max_ejection_time": seconds(outlier.max_ejection_time),
            "max_ejection_percent": outlier.max_ejection_percent,
            "slow_host_factor": outlier.slow_host_factor,
            "slow_host_minimum": seconds(outlier.slow_host_minimum),
            "slow_host_request_volume": outlier.slow_host_request_volume,
        })
    });
    json!({
        "name": cluster.name,
        "server_name": cluster.transport_socket.as_ref().map(|socket| socket.server.to_string()),
        "endpoints": cluster.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "connect_timeout": seconds(cluster.connect_timeout),
        "dns_refresh_rate": seconds(cluster.dns_refresh_rate),
        "max_concurrent_streams": cluster.streams_per_connection,
        "healthy_panic_threshold": cluster.healthy_panic_percent,
        "health_check": health,
        "outlier_detection": outlier,
        "circuit_breakers": {
            "max_connections": breakers.max_connections,
            "max_pending_requests": breakers.max_pending_requests,
            "max_requests": breakers.max_requests,
            "max_retries": breakers.max_retries,
            "retry_budget": breakers.retry_budget.map(|budget| json!({
                "budget_percent": budget.budget_percent,
                "min_retry_concurrency": budget.min_retry_concurrency,
            })),
        },
    })
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}
