//! Debian packages, downloaded by the machine's own apt with folders of ours, and unpacked. The system's
//! lists, caches and packages are read at most, never written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fetch::{clear, run};
use crate::{Error, account};

/// The C library is always the machine's: a second one beside it makes programs crash.
const NEVER: [&str; 3] = ["libc6_", "libc-bin_", "libc6-dev_"];

/// apt with a state of its own.
pub(crate) struct Apt {
    folder: PathBuf,
    updated: bool,
}

impl Apt {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), updated: false }
    }

    /// The package of the distribution's PostgreSQL server, such as `postgresql-15`.
    pub(crate) fn newest_postgres(&mut self, progress: &dyn Fn(&str)) -> Result<String, Error> {
        self.update(progress)?;
        let said = run(self.command("apt-cache").args(["depends", "postgresql"]))?;
        let name = said.split_whitespace().find(|word| word.starts_with("postgresql-"));
        Ok(name.unwrap_or("postgresql").to_owned())
    }

    /// Downloads a package with all that it needs and the machine lacks, and unpacks it into `root`.
    pub(crate) fn unpack(
        &mut self,
        package: &str,
        root: &Path,
        progress: &dyn Fn(&str),
    ) -> Result<(), Error> {
        self.update(progress)?;
        let archives = self.folder.join("cache/archives");
        clear(&archives)?;
        account::create(&archives.join("partial"))?;
        progress(&format!("downloading {package} and what it needs"));
        if self.download(package, "/var/lib/dpkg/status").is_err() {
            // The machine's own packages are at odds with its sources: take everything from the sources.
            clear(&archives)?;
            account::create(&archives.join("partial"))?;
            let none = self.folder.join("no-packages");
            fs::write(&none, "").map_err(Error::file(&none, "could not be written"))?;
            self.download(package, &none.to_string_lossy())?;
        }
        let entries =
            fs::read_dir(&archives).map_err(Error::file(&archives, "could not be read"))?;
        for deb in entries.flatten().map(|entry| entry.path()) {
            let name = deb.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".deb") && !NEVER.iter().any(|never| name.starts_with(never)) {
                run(Command::new("dpkg").arg("-x").arg(&deb).arg(root))?;
            }
        }
        Ok(())
    }

    /// Removes lists and archives: about 70 MB that nobody needs again.
    pub(crate) fn forget(&self) {
        // Left behind they only cost space, so a refusal here is no failure of the fetch.
        drop(clear(&self.folder));
    }

    fn download(&self, package: &str, status: &str) -> Result<(), Error> {
        let mut command = self.command("apt-get");
        command.args([
            "install",
            "--download-only",
            "--no-install-recommends",
            "--reinstall",
            "--yes",
        ]);
        command.arg("-o").arg(format!("Dir::State::status={status}")).arg(package);
        run(&mut command).map(drop)
    }

    fn update(&mut self, progress: &dyn Fn(&str)) -> Result<(), Error> {
        if self.updated {
            return Ok(());
        }
        clear(&self.folder)?;
        for name in ["state/lists/partial", "cache/archives/partial"] {
            account::create(&self.folder.join(name))?;
        }
        let path = self.folder.join("apt.conf");
        fs::write(&path, self.settings()).map_err(Error::file(&path, "could not be written"))?;
        progress("reading the package lists of this machine's sources");
        // One unreachable source of many is no reason to give up: the download will tell.
        let outcome = run(self.command("apt-get").arg("update"));
        let lists = self.folder.join("state/lists");
        let some = fs::read_dir(&lists).into_iter().flatten().flatten();
        if !some.map(|entry| entry.file_name()).any(|n| n.to_string_lossy().contains("Packages")) {
            outcome?;
        }
        self.updated = true;
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        command.arg("-c").arg(self.folder.join("apt.conf")).arg("-qq");
        command
    }

    /// Read after the machine's own settings, so that its sources, keys and proxies hold, and its hooks,
    /// which may write anywhere, do not.
    fn settings(&self) -> String {
        let folder = self.folder.display();
        format!(
            r##"Dir::State "{folder}/state";
Dir::State::Lists "{folder}/state/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{folder}/cache";
Dir::Cache::Archives "{folder}/cache/archives";
Dir::Log "{folder}";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Keep-Downloaded-Packages "true";
APT::Get::AllowUnauthenticated "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
"##
        )
    }
}
