//! What a reviewer should not have to say.

use std::collections::BTreeSet;
use std::process::{Command, ExitCode};

use crate::app;
use crate::buf;
use crate::run::{self, Failure, output, root, step};

/// Of these, two versions in one program would not understand each other's types.
const ONE_VERSION: [&str; 4] = ["tonic", "prost", "prost-types", "opentelemetry"];

/// Runs every check, and tells all that failed together.
pub fn lint(against: Option<&str>) -> Result<ExitCode, Failure> {
    let mut clippy = run::cargo();
    clippy.args([
        "clippy",
        "--quiet",
        "--keep-going",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    let outcomes = [
        step("cargo fmt", run::cargo().args(["fmt", "--all", "--check"])),
        step("cargo clippy", &mut clippy),
        one_version_each(),
        doors(),
        deny(),
        buf::lint(),
        buf::breaking(against),
        app::check(),
    ];
    let failures: Vec<String> =
        outcomes.into_iter().filter_map(Result::err).map(|failure| failure.to_string()).collect();
    if failures.is_empty() {
        eprintln!("== lint: all good");
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure(failures.join("\nerror: ")))
}

fn one_version_each() -> Result<(), Failure> {
    let tree = tree(&["--edges", "normal,build"])?;
    let several: Vec<String> = ONE_VERSION.iter().filter_map(|name| several(&tree, name)).collect();
    if several.is_empty() {
        return Ok(());
    }
    Err(Failure(format!(
        "more than one version: {}; see `cargo tree --duplicates`",
        several.join("; ")
    )))
}

/// The versions of a package in a tree, when there is not exactly one.
fn several(tree: &str, name: &str) -> Option<String> {
    let of_it = |line: &&str| line.split(' ').next() == Some(name);
    let versions: BTreeSet<&str> =
        tree.lines().filter(of_it).filter_map(|line| line.split(' ').nth(1)).collect();
    let list = versions.iter().copied().collect::<Vec<_>>().join(", ");
    (versions.len() != 1).then(|| format!("{name} ({list})"))
}

/// What deny.toml says about who may use which library, so that it holds without cargo-deny as well.
fn doors() -> Result<(), Failure> {
    let text = std::fs::read_to_string(root().join("deny.toml"))?;
    let mut wrong = Vec::new();
    for (library, allowed) in text.lines().filter_map(door) {
        let tree = tree(&["--edges", "normal", "--depth", "1", "--invert", library])?;
        let users = tree.lines().skip(1).filter_map(|line| line.split(' ').next());
        let users = users.filter(|user| !user.is_empty() && !allowed.contains(user));
        wrong.extend(users.map(|user| format!("{user} must not use {library} (deny.toml)")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure(wrong.join("\nerror: "))) }
}

/// A line such as `{ crate = "a", wrappers = ["b", "c"], … }`.
fn door(line: &str) -> Option<(&str, Vec<&str>)> {
    let library = line.split("crate = \"").nth(1)?.split('"').next()?;
    let list = line.split("wrappers = [").nth(1)?.split(']').next()?;
    Some((library, list.split(',').map(|word| word.trim().trim_matches('"')).collect()))
}

fn tree(args: &[&str]) -> Result<String, Failure> {
    let mut cargo = run::cargo();
    output(cargo.args(["tree", "--workspace", "--prefix", "none", "--format", "{p}"]).args(args))
}

/// Licences and advisories, where cargo-deny is installed.
fn deny() -> Result<(), Failure> {
    let mut probe = Command::new("cargo-deny");
    if output(probe.arg("--version")).is_err() {
        eprintln!("== cargo deny: not installed, left out (cargo install cargo-deny)");
        return Ok(());
    }
    step(
        "cargo deny",
        run::cargo().args(["deny", "--all-features", "check", "bans", "licenses", "sources"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_of_one_library_are_told() {
        let tree = "tonic v0.14.9\nprost v0.14.4\n\ntonic v0.13.1 (*)\ntonic-prost v0.14.9\n";
        assert_eq!(several(tree, "tonic"), Some("tonic (v0.13.1, v0.14.9)".to_owned()));
        assert_eq!(several(tree, "prost"), None);
        assert!(
            several(tree, "absent").is_some(),
            "a name that nobody uses is a mistake in the list"
        );
    }

    #[test]
    fn a_door_of_deny_toml_is_read() {
        let line =
            r#"  { crate = "async-nats", wrappers = ["parkmesh-eventbus", "parkmesh-testkit"] },"#;
        assert_eq!(door(line), Some(("async-nats", vec!["parkmesh-eventbus", "parkmesh-testkit"])));
        assert_eq!(door("[bans]"), None);
    }
}
