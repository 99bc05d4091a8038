//! Who may reach whom in a cluster: what the policies allow is what the environments of the pods name, and no more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{base, everything, named, rendered, roles};

/// Where Postgres listens; its address is a Secret's.
const POSTGRES_PORT: u64 = 5_432;
/// Whoever is reached from outside of the cluster.
const DOOR: &str = "gateway";
/// Whoever calls what strangers have named: webhooks, and a mail server.
const CALLER_OF_STRANGERS: &str = "notification";

#[test]
fn who_may_reach_whom_is_what_the_environments_name_and_no_more() {
    let manifests = rendered(&everything());
    let calls = calls(&manifests);
    let pairs: BTreeSet<(&str, &str)> =
        calls.iter().map(|call| (call.from.as_str(), call.host.as_str())).collect();
    for pair in [("gateway", "booking"), ("booking", "payment"), ("payment", "payment-sandbox")] {
        assert!(pairs.contains(&pair), "{pair:?} is not in {pairs:?}");
    }
    let roles = roles();
    for name in roles.iter().map(String::as_str).chain(["migrate"]) {
        let policy = &named(&manifests, "NetworkPolicy", name)["spec"];
        let expected = policy_of(&manifests, (&roles, &calls), name);
        assert_eq!(*policy, expected, "{name} should have the spec\n{expected:#}");
    }
}

#[test]
fn a_pod_of_ours_without_a_policy_of_its_own_reaches_nobody() {
    for folder in [base(), everything()] {
        let manifests = rendered(&folder);
        let ours = json!({ "matchLabels": { "app.kubernetes.io/part-of": "parkmesh" } });
        let nothing = json!({ "podSelector": ours, "policyTypes": ["Ingress", "Egress"] });
        assert_eq!(named(&manifests, "NetworkPolicy", "parkmesh")["spec"], nothing);
    }
}

/// A pod names an address.
#[derive(Debug)]
struct Call {
    from: String,
    host: String,
    port: u64,
}

/// All addresses in all environments.
fn calls(manifests: &[Value]) -> Vec<Call> {
    let workload =
        |one: &&Value| matches!(one["kind"].as_str(), Some("Deployment" | "StatefulSet" | "Job"));
    manifests.iter().filter(workload).flat_map(|one| calls_of(manifests, one)).collect()
}

fn calls_of(manifests: &[Value], workload: &Value) -> Vec<Call> {
    let from = workload["metadata"]["name"].as_str().expect("a name");
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().expect("an environment");
    let address = |variable: &Value| {
        let name = variable["name"].as_str().expect("a name");
        if name.starts_with("PARKMESH_POSTGRES_") {
            return Some(("postgres".to_owned(), POSTGRES_PORT));
        }
        let kept = &variable["valueFrom"]["configMapKeyRef"];
        let value = match kept["name"].as_str() {
            Some(map) => &named(manifests, "ConfigMap", map)["data"][kept["key"].as_str()?],
            None => &variable["value"],
        };
        // An issuer is a name and nobody's address.
        let (_scheme, host) = value.as_str()?.split_once("://")?;
        let (host, port) = host.split_once(':')?;
        Some((host.to_owned(), port.parse().ok()?))
    };
    let found = variables.iter().filter_map(address);
    found.map(|(host, port)| Call { from: from.to_owned(), host, port }).collect()
}

/// What the policy of a role, or of the migration, says.
fn policy_of(manifests: &[Value], (roles, calls): (&[String], &[Call]), name: &str) -> Value {
    let pod = |name: &str| json!({ "matchLabels": { "app.kubernetes.io/name": name } });
    let tcp = |port: u64| json!({ "protocol": "TCP", "port": port });
    let mut egress = vec![json!({ "ports": [
        { "protocol": "UDP", "port": 53 },
        tcp(53),
    ] })];
    let mut called = BTreeMap::new();
    for call in calls.iter().filter(|call| call.from == name) {
        called.insert(call.host.as_str(), call.port);
    }
    for (host, port) in called {
        // Where the servers underneath are, an overlay says.
        egress.push(match roles.iter().any(|role| role == host) {
            true => json!({ "to": [{ "podSelector": pod(host) }], "ports": [tcp(port)] }),
            false => json!({ "ports": [tcp(port)] }),
        });
    }
    if name == CALLER_OF_STRANGERS {
        let private =
            ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];
        egress.push(json!({ "to": [
            { "ipBlock": { "cidr": "0.0.0.0/0", "except": private } },
            { "ipBlock": { "cidr": "::/0", "except": ["fc00::/7", "fe80::/10"] } },
        ] }));
    }
    let ports = ports_of(manifests, name);
    let mut ingress = Vec::new();
    let callers: BTreeSet<&str> =
        calls.iter().filter(|call| call.host == name).map(|call| call.from.as_str()).collect();
    if name == DOOR {
        ingress.push(json!({ "ports": [tcp(ports["main"])] }));
    } else if !callers.is_empty() {
        let callers: Vec<Value> =
            callers.into_iter().map(|from| json!({ "podSelector": pod(from) })).collect();
        ingress.push(json!({ "from": callers, "ports": [tcp(ports["main"])] }));
    }
    if let Some(admin) = ports.get("admin") {
        let monitoring = json!({ "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } });
        let from = json!([{ "namespaceSelector": monitoring }]);
        ingress.push(json!({ "from": from, "ports": [tcp(*admin)] }));
    }
    let mut policy = json!({
        "podSelector": pod(name),
        "policyTypes": ["Ingress", "Egress"],
        "egress": egress,
    });
    if !ingress.is_empty() {
        policy["ingress"] = ingress.into();
    }
    policy
}

/// Ports of a pod by their names.
fn ports_of(manifests: &[Value], name: &str) -> BTreeMap<String, u64> {
    let is_it = |one: &&Value| {
        one["metadata"]["name"] == name && one["spec"]["template"]["spec"]["containers"].is_array()
    };
    let workload = manifests.iter().find(is_it).expect("a workload");
    let ports = workload["spec"]["template"]["spec"]["containers"][0]["ports"].as_array();
    let port =
        |port: &Value| Some((port["name"].as_str()?.to_owned(), port["containerPort"].as_u64()?));
    ports.into_iter().flatten().filter_map(port).collect()
}
