//! Two versions of one protocol library are two sets of types that do not fit together.

use std::process::Command;

use super::sources;

#[test]
fn one_tonic_and_one_prost_stand_in_the_tree() {
    let lock = std::fs::read_to_string(sources::root().join("Cargo.lock")).expect("Cargo.lock");
    for name in ["tonic", "prost", "prost-types", "sqlx", "async-nats", "redis", "opentelemetry"] {
        let wanted = format!("name = \"{name}\"");
        let found = lock.lines().filter(|line| **line == *wanted).count();
        assert_eq!(found, 1, "{name} stands {found} times in Cargo.lock");
    }
}

#[test]
fn the_lock_file_is_complete() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--no-deps"])
        .current_dir(sources::root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
