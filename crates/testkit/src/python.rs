//! A Python with packages, for programs of others that tests and proofs run as processes of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Tests of one process that need the same one make it once.
static MAKING: Mutex<()> = Mutex::new(());

/// A Python in this folder that can import `import`, which `packages` bring; made once.
///
/// # Panics
/// When there is no Python with venv, or the packages cannot be had.
pub fn python_with(folder: &Path, import: &str, packages: &[&str]) -> PathBuf {
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let python = folder.join("bin/python");
    let tried = Command::new(&python).args(["-c", &format!("import {import}")]).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        let make = ["-m", "venv", "--clear"];
        run(Command::new("python3").args(make).arg(folder), "python3 with venv");
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages), "pip");
    }
    python
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{what} is needed here: {error}"));
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}
