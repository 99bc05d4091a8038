//! Who may import whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::sources;

type Dependencies = BTreeMap<String, BTreeSet<String>>;

const SERVICES: [&str; 7] = [
    "parkmesh-booking",
    "parkmesh-availability",
    "parkmesh-payment",
    "parkmesh-payment-sandbox",
    "parkmesh-sensor",
    "parkmesh-notification",
    "parkmesh-sensor-bridge",
];

/// What each crate depends on outside of its tests.
fn dependencies() -> Dependencies {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(sources::root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let of = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let normal = dependencies.iter().filter(|one| one["kind"].is_null());
        normal.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    packages.iter().map(|one| (one["name"].as_str().expect("a name").to_owned(), of(one))).collect()
}

fn ours(dependencies: &Dependencies, package: &str) -> BTreeSet<String> {
    let all = dependencies.get(package).unwrap_or_else(|| panic!("no package {package}"));
    all.iter().filter(|name| name.starts_with("parkmesh-")).cloned().collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_language_imports_nobody_and_the_plumbing_knows_no_parking_rule() {
    let dependencies = dependencies();
    assert_eq!(ours(&dependencies, "parkmesh-contracts"), set(&[]));
    assert_eq!(ours(&dependencies, "parkmesh-platform"), set(&["parkmesh-contracts"]));
    let plumbing = set(&["parkmesh-contracts", "parkmesh-platform"]);
    assert_eq!(ours(&dependencies, "parkmesh-eventbus"), plumbing);
    assert_eq!(ours(&dependencies, "parkmesh-gateway"), plumbing);
    assert_eq!(ours(&dependencies, "parkmesh-servers"), set(&[]));
    // The judge knows nothing of how booking works.
    assert_eq!(ours(&dependencies, "parkmesh-history"), set(&["parkmesh-contracts"]));
}

#[test]
fn no_service_imports_another_service_or_the_gateway() {
    let dependencies = dependencies();
    let allowed = set(&["parkmesh-contracts", "parkmesh-platform", "parkmesh-eventbus"]);
    for service in SERVICES {
        let imported = ours(&dependencies, service);
        assert!(imported.is_subset(&allowed), "{service} imports {imported:?}");
    }
}

#[test]
fn each_driver_of_a_server_comes_in_through_one_door() {
    let doors = [
        ("async-nats", set(&["parkmesh-eventbus", "parkmesh-testkit"])),
        ("deadpool-redis", set(&["parkmesh-platform", "parkmesh-testkit"])),
        ("rumqttc", set(&["parkmesh-sensor-bridge", "parkmesh-testkit", "parkmesh"])),
    ];
    let dependencies = dependencies();
    for (driver, allowed) in doors {
        let users = dependencies.iter().filter(|(_, used)| used.contains(driver));
        let users: BTreeSet<String> = users.map(|(name, _)| name.clone()).collect();
        assert!(users.is_subset(&allowed), "{driver} is used by {users:?}");
        assert!(!users.is_empty(), "nobody uses {driver}: is the name still right?");
    }
}

#[test]
fn the_test_kit_is_used_from_tests_only() {
    for (package, used) in dependencies() {
        let may = package == "parkmesh-bench";
        assert!(may || !used.contains("parkmesh-testkit"), "{package} ships the test kit");
    }
}
