//! Programs from the npm registry: its packages are plain archives, so that neither npm nor Node is needed to have them.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{self, Failure, output};

const REGISTRY: &str = "https://registry.npmjs.org";

/// One archive.
pub struct Archive {
    /// The system and the machine that it is for; empty: any.
    pub system: &'static str,
    pub machine: &'static str,
    /// The package.
    pub name: &'static str,
    pub version: &'static str,
    /// Of the archive, in hexadecimal.
    pub sha512: &'static str,
}

impl Archive {
    fn fits(&self) -> bool {
        let is = |wanted: &str, here: &str| wanted.is_empty() || wanted == here;
        is(self.system, OS) && is(self.machine, ARCH)
    }

    fn url(&self) -> String {
        let registry = run::variable("npm_config_registry");
        let registry = registry.unwrap_or_else(|| REGISTRY.to_owned());
        let file = self.name.rsplit('/').next().unwrap_or(self.name);
        format!("{}/{}/-/{file}-{}.tgz", registry.trim_end_matches('/'), self.name, self.version)
    }
}

/// The folder of what the archive for this machine holds, fetched if it is not there; `what` names it for the person.
pub fn package(what: &str, archives: &[Archive], folder: &Path) -> Result<PathBuf, Failure> {
    let Some(archive) = archives.iter().find(|archive| archive.fits()) else {
        return Err(Failure(format!(
            "{what} is not on the PATH; for {OS} on {ARCH} install it yourself"
        )));
    };
    let folder = folder.join(archive.version);
    if !folder.exists() {
        eprintln!("== fetching {what} {}", archive.version);
        fetch(archive, &folder)?;
    }
    Ok(folder.join("package"))
}

/// Unpacked beside its place and moved there whole: a fetch that was cut off leaves no half program.
fn fetch(archive: &Archive, folder: &Path) -> Result<(), Failure> {
    let fresh = folder.with_extension("new");
    drop(fs::remove_dir_all(&fresh));
    fs::create_dir_all(&fresh)?;
    let file = fresh.join("archive.tgz");
    let url = archive.url();
    parkmesh_servers::download(&url, &file)?;
    let said = output(Command::new("sha512sum").arg(&file))?;
    if said.split_whitespace().next() != Some(archive.sha512) {
        return Err(Failure(format!("{url} is not what it was: its SHA-512 differs")));
    }
    output(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&fresh))?;
    fs::remove_file(&file)?;
    Ok(fs::rename(&fresh, folder)?)
}
