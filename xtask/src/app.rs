//! The web app: built by Node into app/dist, which the gateway serves. Built anew only when something changed.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::node::Node;
use crate::run::{Failure, home, root, step};

/// What is made from the sources, and is none of them.
const MADE: [&str; 4] = ["node_modules", "dist", "gen", "target"];
/// What npm is told: nothing from elsewhere is run while installing.
const INSTALL: [&str; 5] =
    ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];

/// Builds the app and gives the folder to serve.
pub fn build() -> Result<PathBuf, Failure> {
    let app = folder();
    let dist = app.join("dist");
    let state = state()?;
    if dist.join("index.html").is_file() && kept("app-built") == state {
        return Ok(dist);
    }
    let node = Node::locate_or_fetch()?;
    install(&node, &app)?;
    let mut build = node.npm();
    step("npm run build", build.args(["run", "--silent", "build"]).current_dir(&app))?;
    keep("app-built", &state)?;
    Ok(dist)
}

/// Types, accessibility of the templates, and format; nothing when all is as it was when it was good.
pub fn check() -> Result<(), Failure> {
    let (app, state) = (folder(), state()?);
    if kept("app-checked") == state {
        return Ok(());
    }
    let node = Node::locate_or_fetch()?;
    install(&node, &app)?;
    step("npm run check", node.npm().args(["run", "--silent", "check"]).current_dir(&app))?;
    keep("app-checked", &state)
}

fn folder() -> PathBuf {
    root().join("app")
}

/// Changes when anything that the app is made from does.
fn state() -> Result<String, Failure> {
    fingerprint(&[folder(), root().join("proto"), root().join("buf.yaml")])
}

/// Installs the packages of a folder's lock file, where they are not.
pub fn install(node: &Node, folder: &Path) -> Result<(), Failure> {
    let name = folder.strip_prefix(root()).unwrap_or(folder).to_string_lossy().replace('/', "-");
    let (mark, state) =
        (format!("{name}-installed"), fingerprint(&[folder.join("package-lock.json")])?);
    if folder.join("node_modules").is_dir() && kept(&mark) == state {
        return Ok(());
    }
    step(&format!("npm ci ({name})"), node.npm().args(INSTALL).current_dir(folder))?;
    keep(&mark, &state)
}

/// A number that changes when any of the files does.
fn fingerprint(paths: &[PathBuf]) -> Result<String, Failure> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)?.flatten() {
        let made = MADE.iter().any(|name| entry.file_name() == *name);
        if !made {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

fn kept(mark: &str) -> String {
    fs::read_to_string(home().join(mark)).unwrap_or_default()
}

fn keep(mark: &str, state: &str) -> Result<(), Failure> {
    fs::create_dir_all(home())?;
    Ok(fs::write(home().join(mark), state)?)
}
