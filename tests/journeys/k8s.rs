//! What a cluster is told: the manifests are rendered and checked, and each role is started as its
//! Deployment, or StatefulSet, says.

mod container;
mod network;
mod probe;
mod render;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use self::container::{Cluster, Container};
use self::render::{by_kustomize, by_ourselves, rendered};
use crate::clients::python_with;
use crate::support::Up;

/// The newest Kubernetes whose schemas the validator below knows.
const VALIDATOR: &str = "kubernetes-validate==1.35.0";

#[test]
fn our_small_step_renders_what_kustomize_renders() {
    let sorted = |mut manifests: Vec<Value>| {
        manifests.sort_by_key(|one| format!("{} {}", one["kind"], one["metadata"]["name"]));
        manifests
    };
    for folder in [everything(), base()] {
        let ours = sorted(by_ourselves(&folder));
        assert!(ours.len() > 20, "{ours:?}");
        if let Some(theirs) = by_kustomize(&folder) {
            assert_eq!(ours, sorted(theirs), "{}", folder.display());
        }
    }
}

#[test]
fn every_manifest_fits_the_schemas_of_kubernetes() {
    let misspelt = json!([{
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": "booking" },
        "automountServiceAccountTokens": false,
    }]);
    assert!(!fits(misspelt.as_array().expect("a list")), "the check itself checks nothing");
    assert!(fits(&rendered(&everything())));
    assert!(fits(&rendered(&base())));
}

#[test]
fn every_role_has_a_headless_service_an_account_without_a_token_and_a_restricted_pod() {
    let manifests = rendered(&everything());
    let run: BTreeSet<&str> = manifests
        .iter()
        .filter(|one| one["kind"] == "Deployment" || one["kind"] == "StatefulSet")
        .filter_map(|one| one["metadata"]["name"].as_str())
        .collect();
    let roles = roles();
    assert_eq!(run, roles.iter().map(String::as_str).collect());
    for role in &roles {
        let deployment = named(&manifests, kind_of(role), role);
        let pod = &deployment["spec"]["template"];
        let service = &named(&manifests, "Service", role)["spec"];
        assert_eq!(service["clusterIP"], "None", "{role}");
        for labels in [&service["selector"], &deployment["spec"]["selector"]["matchLabels"]] {
            let labels = labels.as_object().expect("labels");
            let worn = &pod["metadata"]["labels"];
            assert!(labels.iter().all(|(name, value)| worn[name] == *value), "{role}: {labels:?}");
        }
        let container = restricted(&manifests, pod, role);
        assert_eq!(container["args"], json!(["serve", role]));
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            assert!(container[probe].is_object(), "{role} has no {probe}");
        }
        let has_port = |name: &str| {
            container["ports"].as_array().expect("ports").iter().any(|port| port["name"] == name)
        };
        for port in service["ports"].as_array().expect("ports") {
            assert!(has_port(port["targetPort"].as_str().expect("a name")), "{role}: {port}");
        }
    }
    let migrate = &named(&manifests, "Job", "migrate")["spec"]["template"];
    assert_eq!(restricted(&manifests, migrate, "migrate")["args"], json!(["migrate"]));
    let without_sandbox = rendered(&base());
    let migrate = &named(&without_sandbox, "Job", "migrate")["spec"]["template"];
    assert_eq!(migrate["spec"]["containers"][0]["args"], json!(["migrate", "--no-sandbox"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_starts_passes_its_probes_and_stops_as_its_deployment_says() {
    let up = Up::start(&["--no-seed", "--mtls"]);
    let manifests = rendered(&everything());
    let cluster = Cluster::new(&up, &manifests);
    let migrate = Container::start(&cluster, "Job", "migrate");
    migrate.ends_well().await;
    for role in roles() {
        let mut container = Container::start(&cluster, kind_of(&role), &role);
        container.passes_its_probes().await;
        container.stops_in_time().await;
    }
}

#[test]
fn the_certificates_of_the_component_name_each_role_and_fit_what_the_base_mounts() {
    let issued = by_ourselves(&components().join("certificates"));
    let base = rendered(&base());
    let proving = roles().into_iter().filter(|role| role != "payment-sandbox");
    let proving: BTreeSet<String> = proving.collect();
    let leaves: Vec<&Value> = issued
        .iter()
        .filter(|one| one["kind"] == "Certificate" && one["spec"]["isCA"] != true)
        .collect();
    let named_there: BTreeSet<&str> =
        leaves.iter().filter_map(|leaf| leaf["metadata"]["name"].as_str()).collect();
    assert_eq!(named_there, proving.iter().map(String::as_str).collect());
    for role in &proving {
        let spec = &named(&issued, "Certificate", role)["spec"];
        assert_eq!(spec["uris"], json!([format!("spiffe://parkmesh/service/{role}")]));
        assert_eq!(spec["usages"], json!(["digital signature", "server auth", "client auth"]));
        let pod = &named(&base, kind_of(role), role)["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().expect("volumes");
        let mounted = json!({ "name": "mtls", "secret": { "secretName": spec["secretName"] } });
        assert!(volumes.contains(&mounted), "{role}: {volumes:?}");
        let environment = pod["containers"][0]["env"].as_array().expect("env");
        for (name, file) in
            [("CERTIFICATE", "tls.crt"), ("KEY", "tls.key"), ("AUTHORITIES", "ca.crt")]
        {
            let value = format!("/var/run/parkmesh/mtls/{file}");
            let wanted = json!({ "name": format!("PARKMESH_MTLS_{name}"), "value": value });
            assert!(environment.contains(&wanted), "{role} lacks {wanted}");
        }
    }
}

/// Who keeps a session under its own name must have the same name again.
fn kind_of(role: &str) -> &'static str {
    if role == "sensor-bridge" { "StatefulSet" } else { "Deployment" }
}

/// The one container of a pod, after a look at what Pod Security calls restricted, and a little more.
fn restricted<'m>(manifests: &'m [Value], pod: &'m Value, name: &str) -> &'m Value {
    let account = named(manifests, "ServiceAccount", name);
    assert_eq!(account["automountServiceAccountToken"], false, "{name}");
    let pod = &pod["spec"];
    assert_eq!(pod["serviceAccountName"], name);
    assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
    let containers = pod["containers"].as_array().expect("containers");
    assert_eq!(containers.len(), 1, "{name}");
    let container = &containers[0];
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
    assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
    assert_eq!(security["capabilities"], json!({ "drop": ["ALL"] }), "{name}");
    assert_eq!(container["image"], concat!("parkmesh:", env!("CARGO_PKG_VERSION")), "{name}");
    container
}

/// What `serve --help` says that a process can be.
fn roles() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_parkmesh")).args(["serve", "--help"]).output();
    let help = String::from_utf8(output.expect("parkmesh runs").stdout).expect("UTF-8");
    let lines = help.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let roles: Vec<String> =
        lines.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
    assert!(roles.len() >= 8, "{help}");
    roles
}

/// The manifest of a kind and name; there must be exactly one.
fn named<'m>(manifests: &'m [Value], kind: &str, name: &str) -> &'m Value {
    let fits = |one: &&Value| one["kind"] == kind && one["metadata"]["name"] == name;
    let found: Vec<&Value> = manifests.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}

fn fits(manifests: &[Value]) -> bool {
    let python = python_with("kubernetes-validate", "kubernetes_validate", &[VALIDATOR]);
    let name = format!("manifests-{}.yaml", uuid::Uuid::now_v7());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let documents: Vec<String> = manifests.iter().map(Value::to_string).collect();
    std::fs::write(&file, documents.join("\n---\n")).expect("a writable folder");
    let validator = python.with_file_name("kubernetes-validate");
    let output = Command::new(validator).arg("--strict").arg(&file).output().expect("it runs");
    let _gone = std::fs::remove_file(&file);
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    eprintln!("{told}");
    output.status.success()
}

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/base")
}

fn components() -> PathBuf {
    base().with_file_name("components")
}

/// The base with the sandbox provider.
fn everything() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/journeys/k8s")
}
