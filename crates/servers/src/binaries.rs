//! Where the servers' programs are.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Kind, account, fetch, locate};

/// One server's program.
#[derive(Debug, Clone)]
pub struct Program {
    /// Which server.
    pub kind: Kind,
    /// The file.
    pub path: PathBuf,
    /// Folders of shared libraries that came with it; empty for a program of the machine.
    pub libraries: Vec<PathBuf>,
    /// Major and minor version.
    pub version: (u32, u32),
}

impl Program {
    /// A command that runs it with its own libraries.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.envs(self.environment());
        command
    }

    /// A command of a program beside it, such as `initdb`.
    pub fn beside(&self, name: &str) -> Command {
        let mut command = Command::new(self.path.with_file_name(name));
        command.envs(self.environment());
        command
    }

    /// The variables that it needs.
    pub(crate) fn environment(&self) -> Option<(&'static str, OsString)> {
        let joined = std::env::join_paths(&self.libraries).ok()?;
        (!joined.is_empty()).then_some(("LD_LIBRARY_PATH", joined))
    }
}

/// The programs of all servers, every one seen to run.
#[derive(Debug, Clone)]
pub struct Binaries {
    programs: [Program; 4],
}

impl Binaries {
    /// Finds the servers on this machine, and fetches what is missing into `<home>/servers/`. Says each
    /// step through `progress`.
    ///
    /// # Errors
    /// When one is neither here nor can be fetched; the text says what to run.
    pub fn locate_or_fetch(home: &Path, progress: &dyn Fn(&str)) -> Result<Self, Error> {
        Self::gather(home, progress, locate::on_machine)
    }

    /// Like [`Self::locate_or_fetch`], but uses nothing that is on this machine.
    ///
    /// # Errors
    /// When one cannot be fetched.
    pub fn fetch(home: &Path, progress: &dyn Fn(&str)) -> Result<Self, Error> {
        Self::gather(home, progress, |_| None)
    }

    /// One of the programs.
    pub fn of(&self, kind: Kind) -> &Program {
        &self.programs[kind as usize]
    }

    fn gather(
        home: &Path,
        progress: &dyn Fn(&str),
        on_machine: impl Fn(Kind) -> Option<Program>,
    ) -> Result<Self, Error> {
        let mut found: Vec<Program> = Vec::new();
        let mut missing = Vec::new();
        for kind in Kind::ALL {
            match on_machine(kind) {
                Some(program) => found.push(program),
                None => missing.push(kind),
            }
        }
        if !missing.is_empty() {
            // The folder may lie elsewhere for root: PostgreSQL's account must be able to walk to it.
            account::create(home)?;
            let folder = account::reachable(&home.join("servers"))?;
            found.extend(fetch_missing(&folder, &missing, progress)?);
        }
        found.sort_by_key(|program| program.kind);
        for program in &found {
            let (major, minor) = program.version;
            progress(&format!("{} {major}.{minor}: {}", program.kind, program.path.display()));
        }
        let programs =
            found.try_into().unwrap_or_else(|_| unreachable!("one program of each kind"));
        Ok(Self { programs })
    }
}

fn fetch_missing(
    folder: &Path,
    missing: &[Kind],
    progress: &dyn Fn(&str),
) -> Result<Vec<Program>, Error> {
    // Two commands at once must not unpack over each other; the second finds what the first fetched.
    let path = folder.join("lock");
    let lock = File::create(&path).map_err(Error::file(&path, "could not be created"))?;
    lock.lock().map_err(Error::file(&path, "could not be locked"))?;
    let mut found = Vec::new();
    let mut absent = Vec::new();
    for &kind in missing {
        match locate::unpacked(kind, &folder.join(kind.name())) {
            Some(program) => found.push(program),
            None => absent.push(kind),
        }
    }
    if !absent.is_empty() {
        found.extend(fetch::all(folder, &absent, progress)?);
    }
    Ok(found)
}
