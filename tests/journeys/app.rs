//! The web app, in a real browser: the stories of `tests/e2e`, played by Node against a running system. A short set here; all of them by
//! `cargo xtask prove app`, some by `cargo xtask prove app FILE [NAME]`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::Up;

/// Parts of the files' names: the stories that are always played, and all.
const SHORT: &str = ".short.";
const ALL: &str = ".mjs";

#[tokio::test(flavor = "multi_thread")]
async fn people_do_in_the_browser_what_they_came_for() {
    let app = variable("PARKMESH_TEST_APP_DIR").unwrap_or_else(|| "../app/dist".to_owned());
    assert!(
        Path::new(&app).join("index.html").is_file(),
        "{app} holds no app; run the tests by `cargo xtask test`, which builds it"
    );
    let up = Up::start(&["--app-dir", &app]);
    let descriptors = up.home().join("descriptors.binpb");
    std::fs::write(&descriptors, parkmesh_contracts::FILE_DESCRIPTOR_SET).expect("a writable file");
    let wanted = variable("PARKMESH_TEST_STORIES").unwrap_or_else(|| SHORT.to_owned());
    let part = if wanted == "all" { ALL } else { &wanted };
    let node = || {
        let mut node =
            Command::new(variable("PARKMESH_TEST_NODE").unwrap_or_else(|| "node".to_owned()));
        node.current_dir(folder())
            .env("PARKMESH_STORIES_UP", up.home().join("up.json"))
            .env("PARKMESH_STORIES_DESCRIPTORS", &descriptors)
            .env("PARKMESH_TEST_CHROMIUM", chromium())
            .stdin(Stdio::null());
        node
    };
    told(node().arg("prepare.mjs"));
    let mut run = node();
    run.args(["--test", "--test-concurrency=1"]);
    run.args(["--test-reporter=spec", "--test-reporter-destination=stdout"]);
    if let Some(report) = variable("PARKMESH_STORIES_REPORT") {
        run.arg("--test-reporter=./support/report.mjs");
        run.arg(format!("--test-reporter-destination={report}"));
    }
    run.args(variable("PARKMESH_TEST_STORY").map(|name| format!("--test-name-pattern={name}")));
    println!("{}", told(run.args(stories(part))));
    if variable("PARKMESH_STORIES_PICTURES").is_some() {
        println!("{}", told(node().arg("pictures.mjs")));
    }
}

/// What a command that succeeds says.
fn told(command: &mut Command) -> String {
    let output = command.output().expect("Node 20 runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    told
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e")
}

/// The stories whose files' names have this part, in the order of their names.
fn stories(part: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join("stories")).expect("stories").flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(part)))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no file of stories has {part} in its name");
    found
}

/// The one that `cargo xtask` found or fetched, else the machine's.
fn chromium() -> String {
    variable("PARKMESH_TEST_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".to_owned())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
