//! Counts and gauges as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::live::Live;

/// `name: value` for every name with `filter` in it, in order.
pub fn text(live: &Live, filter: &str) -> String {
    let mut all: BTreeMap<String, u64> = server(live);
    for (name, cluster) in live.clusters() {
        let told = of_cluster(&cluster);
        all.extend(told.into_iter().map(|(stat, value)| (format!("cluster.{name}.{stat}"), value)));
    }
    for ((route, _), red) in live.reds().all() {
        let told = red.codes();
        all.extend(told.map(|(code, count)| (format!("route.{route}.grpc.{code}"), count)));
    }
    let wanted = all.into_iter().filter(|(name, _)| name.contains(filter));
    wanted.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// What Prometheus is told beside the process's own metrics.
pub fn prometheus(live: &Live) -> String {
    let mut families: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for (name, value) in server(live) {
        families.entry(name.replace('.', "_")).or_default().push((String::new(), value));
    }
    for (name, cluster) in live.clusters() {
        for (stat, value) in of_cluster(&cluster) {
            let family = format!("gateway_cluster_{}", stat.replace('.', "_"));
            families.entry(family).or_default().push((format!("{{cluster=\"{name}\"}}"), value));
        }
    }
    let mut text = String::new();
    for (family, values) in families {
        let kind = if is_gauge(&family) { "gauge" } else { "counter" };
        let _written = writeln!(text, "# TYPE {family} {kind}");
        for (labels, value) in values {
            let _written = writeln!(text, "{family}{labels} {value}");
        }
    }
    text + &live.reds().prometheus()
}

/// Envoy's lines: `cluster::replica::what::value`.
pub fn clusters(live: &Live) -> String {
    let mut text = String::new();
    for (name, cluster) in live.clusters() {
        let breakers = &cluster.config.circuit_breakers;
        let limits = [
            ("max_connections", breakers.max_connections),
            ("max_pending_requests", breakers.max_pending_requests),
            ("max_requests", breakers.max_requests),
        ];
        for (limit, value) in limits {
            let _written = writeln!(text, "{name}::default_priority::{limit}::{value}");
        }
        for host in cluster.hosts() {
            let mut told: Vec<(&str, String)> = vec![
                ("hostname", host.named.host.clone()),
                ("health_flags", host.health_flags()),
                ("cx_active", host.connections().to_string()),
                ("rq_active", host.in_flight.taken().to_string()),
            ];
            told.extend(
                host.stats.all().into_iter().map(|(stat, value)| (stat, value.to_string())),
            );
            for (what, value) in told {
                let _written = writeln!(text, "{name}::{}::{what}::{value}", host.address);
            }
        }
    }
    text
}

fn server(live: &Live) -> BTreeMap<String, u64> {
    let (taken, refused) = live.reloads.counts();
    let downstream = live.downstream();
    let (files, bytes) = live.gate().files.as_ref().map_or((0, 0), |files| files.size());
    let mut all = BTreeMap::from([
        ("server.live".to_owned(), u64::from(live.state() == "LIVE")),
        ("gateway.static_files".to_owned(), files as u64),
        ("gateway.static_files_bytes".to_owned(), bytes as u64),
        ("gateway.config.reload_success".to_owned(), taken),
        ("gateway.config.reload_rejected".to_owned(), refused),
        ("gateway.downstream_cx_active".to_owned(), downstream.cx_active.taken() as u64),
        ("gateway.downstream_cx_total".to_owned(), downstream.cx_total.get()),
        ("gateway.downstream_rq_total".to_owned(), downstream.rq_total.get()),
        ("gateway.access_log_dropped".to_owned(), live.gate().log_dropped()),
    ]);
    all.retain(|name, _| !name.is_empty());
    all
}

fn of_cluster(cluster: &Arc<Cluster>) -> Vec<(&'static str, u64)> {
    let hosts = cluster.hosts();
    let usable = hosts.iter().filter(|host| host.is_usable()).count();
    let ejected = hosts.iter().filter(|host| host.is_ejected()).count();
    let mut all = cluster.stats.all();
    all.extend([
        ("membership_total", hosts.len() as u64),
        ("membership_healthy", usable as u64),
        ("outlier_detection.ejections_active", ejected as u64),
        ("lb_healthy_panic_active", u64::from(cluster.is_panic())),
        ("upstream_cx_active", cluster.connections_active() as u64),
        ("upstream_rq_active", cluster.requests_active() as u64),
        ("upstream_rq_pending_active", cluster.requests_pending() as u64),
    ]);
    all
}

fn is_gauge(family: &str) -> bool {
    family.ends_with("_active") || family.contains("membership") || family == "server_live"
}
