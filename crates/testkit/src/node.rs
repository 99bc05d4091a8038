//! Node with packages, for clients that are written in JavaScript.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::python::run;

/// One installation at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A copy of the files of `source` in `folder`, with their packages, which are fetched anew when their list changes.
///
/// # Panics
/// When there is no Node 20 with npm, or the packages cannot be had.
pub fn node_with(source: &Path, folder: &Path) -> PathBuf {
    let _turn = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::fs::create_dir_all(folder).expect("a writable folder");
    for entry in std::fs::read_dir(source).expect("a folder of scripts").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("a copy");
        }
    }
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    let wanted = folder.join("package-lock.json");
    let installed = folder.join("installed-lock.json");
    if read(&wanted) != read(&installed) {
        let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(Command::new("npm").current_dir(folder).args(arguments), "Node 20 with npm");
        std::fs::copy(wanted, installed).expect("a copy");
    }
    run(Command::new("node").arg("--version"), "Node 20");
    folder.to_owned()
}
