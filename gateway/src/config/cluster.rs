//! A cluster in YAML, in Envoy's words.

use std::time::Duration;

use parkmesh_platform::tls::MtlsConfig;

use super::fields::Fields;
use super::tls::transport_socket;
use crate::cluster::{
    Address, BreakerConfig, ClusterConfig, HealthCheckConfig, OutlierConfig, RetryBudget,
    SERVICE_NAME_MAX, TransportSocket,
};

/// Reads one. `mtls` is who we are to clusters that say nothing else.
pub fn read(mut fields: Fields<'_>, mtls: Option<&MtlsConfig>) -> Option<ClusterConfig> {
    let name = fields.require("name").map(|(_, name)| name.to_owned());
    let endpoints = endpoints(&mut fields);
    let mut config = ClusterConfig::new(name.clone().unwrap_or_default(), endpoints);
    discovery(&mut fields, &config);
    let default = TransportSocket::to(&config.name, mtls);
    config.transport_socket = transport_socket(&mut fields, default);
    fields.duration("connect_timeout", &mut config.connect_timeout);
    fields.duration("dns_refresh_rate", &mut config.dns_refresh_rate);
    balancing(&mut fields, &mut config);
    if let Some(mut http2) = fields.map("http2_protocol_options") {
        http2.number("max_concurrent_streams", &mut config.streams_per_connection);
        if config.streams_per_connection == 0 {
            http2.wrong("max_concurrent_streams is at least 1");
        }
    }
    if fields.find("health_checks").is_some() {
        config.health_check = health_check(&mut fields);
    }
    if let Some(outlier) = fields.map("outlier_detection") {
        config.outlier_detection = Some(outlier_detection(outlier));
    }
    if let Some(breakers) = fields.map("circuit_breakers") {
        circuit_breakers(breakers, &mut config.circuit_breakers);
    }
    name.map(|_| config)
}

/// `load_assignment.endpoints[].lb_endpoints[].endpoint.address.socket_address`.
fn endpoints(fields: &mut Fields<'_>) -> Vec<Address> {
    let mut found = Vec::new();
    let Some(mut assignment) = fields.map("load_assignment") else {
        fields.wrong("load_assignment is missing");
        return found;
    };
    // Envoy asks for the name once more.
    let _name = assignment.text("cluster_name");
    for mut locality in assignment.maps("endpoints") {
        for mut endpoint in locality.maps("lb_endpoints") {
            let address = endpoint.map("endpoint").and_then(|mut inner| socket_address(&mut inner));
            found.extend(address);
        }
    }
    if found.is_empty() {
        assignment.wrong("an endpoint is needed");
    }
    found
}

/// `address.socket_address` with `address` and `port_value`.
pub fn socket_address(fields: &mut Fields<'_>) -> Option<Address> {
    let Some(mut address) = fields.map("address") else {
        fields.wrong("address is missing");
        return None;
    };
    let Some(mut socket) = address.map("socket_address") else {
        address.wrong("socket_address is missing");
        return None;
    };
    let host = socket.require("address").map(|(_, host)| host.to_owned());
    if socket.find("port_value").is_none() {
        socket.wrong("port_value is missing");
    }
    let port = socket.parse("port_value", "7001");
    Some(Address { host: host?, port: port? })
}

fn discovery(fields: &mut Fields<'_>, config: &ClusterConfig) {
    let Some((line, kind)) = fields.text("type") else { return };
    match kind {
        "STATIC" => {
            if let Some(name) = config.endpoints.iter().find(|address| address.ip().is_none()) {
                let what = format!("{} is a name; STRICT_DNS looks names up", name.host);
                fields.wrong_at(line, "type", &what);
            }
        }
        "STRICT_DNS" => {}
        other => fields.wrong_at(line, "type", &format!("{other}: there is STATIC, STRICT_DNS")),
    }
}

fn balancing(fields: &mut Fields<'_>, config: &mut ClusterConfig) {
    if let Some((line, policy)) = fields.text("lb_policy")
        && policy != "LEAST_REQUEST"
    {
        fields.wrong_at(line, "lb_policy", &format!("{policy}: there is LEAST_REQUEST"));
    }
    if let Some(mut common) = fields.map("common_lb_config") {
        common.percent("healthy_panic_threshold", &mut config.healthy_panic_percent);
    }
}

/// At most one; an empty list turns it off.
fn health_check(fields: &mut Fields<'_>) -> Option<HealthCheckConfig> {
    let mut checks = fields.maps("health_checks");
    if let Some(second) = checks.get(1) {
        second.wrong("there is one health check to a cluster");
    }
    if checks.is_empty() {
        return None;
    }
    let mut check = checks.swap_remove(0);
    let mut config = HealthCheckConfig::default();
    check.duration("timeout", &mut config.timeout);
    check.duration("interval", &mut config.interval);
    check.duration("unhealthy_interval", &mut config.unhealthy_interval);
    check.number("unhealthy_threshold", &mut config.unhealthy_threshold);
    check.number("healthy_threshold", &mut config.healthy_threshold);
    match check.map("grpc_health_check") {
        Some(mut grpc) => {
            if let Some((line, name)) = grpc.text("service_name") {
                name.clone_into(&mut config.service_name);
                if name.len() > SERVICE_NAME_MAX {
                    grpc.wrong_at(line, "service_name", "it is too long");
                }
            }
        }
        None => check.wrong("grpc_health_check is missing; write grpc_health_check: {}"),
    }
    Some(config)
}

fn outlier_detection(mut fields: Fields<'_>) -> OutlierConfig {
    let mut config = OutlierConfig::default();
    fields.duration("interval", &mut config.interval);
    fields.number("consecutive_5xx", &mut config.consecutive_5xx);
    fields.number("consecutive_gateway_failure", &mut config.consecutive_gateway_failure);
    fields.duration("base_ejection_time", &mut config.base_ejection_time);
    fields.duration("max_ejection_time", &mut config.max_ejection_time);
    fields.percent("max_ejection_percent", &mut config.max_ejection_percent);
    fields.number("slow_host_factor", &mut config.slow_host_factor);
    fields.duration("slow_host_minimum", &mut config.slow_host_minimum);
    fields.number("slow_host_request_volume", &mut config.slow_host_request_volume);
    if !config.slow_host_factor.is_finite() || config.slow_host_factor < 0.0 {
        fields.wrong("slow_host_factor is a number from 0");
    }
    if config.max_ejection_time < Duration::max(config.base_ejection_time, Duration::ZERO) {
        fields.wrong("max_ejection_time is shorter than base_ejection_time");
    }
    config
}

fn circuit_breakers(mut fields: Fields<'_>, config: &mut BreakerConfig) {
    let mut thresholds = fields.maps("thresholds");
    if let Some(second) = thresholds.get(1) {
        second.wrong("there is one set of thresholds to a cluster");
    }
    if thresholds.is_empty() {
        return;
    }
    let mut limits = thresholds.swap_remove(0);
    if let Some((line, priority)) = limits.text("priority")
        && priority != "DEFAULT"
    {
        limits.wrong_at(line, "priority", "criticality stands in the method table; DEFAULT");
    }
    limits.number("max_connections", &mut config.max_connections);
    limits.number("max_pending_requests", &mut config.max_pending_requests);
    limits.number("max_requests", &mut config.max_requests);
    if limits.find("max_retries").is_some() {
        limits.number("max_retries", &mut config.max_retries);
        config.retry_budget = None;
    }
    if let Some(mut budget) = limits.map("retry_budget") {
        // Envoy's own defaults.
        let mut read = RetryBudget { budget_percent: 20, min_retry_concurrency: 3 };
        budget.percent("budget_percent", &mut read.budget_percent);
        budget.number("min_retry_concurrency", &mut read.min_retry_concurrency);
        config.retry_budget = Some(read);
    }
}
