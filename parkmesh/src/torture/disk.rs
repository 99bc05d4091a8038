//! A disk whose power can be cut: an ext4 file system in a file of our own, on which Postgres and NATS keep their data.
//!
//! A cut shuts the file system down without writing anything more, as a pulled plug does: what nobody has synced is gone.
//! Whoever has something open on it is ended, and it is mounted again, which replays its journal. What the file system
//! has handed to the disk counts as written: a disk that lies about its flushes is not part of this.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::tasks::Tasks;
use tokio::process::Command;

use crate::Failure;

/// What a machine must have and allow.
const NEEDS: &str = "power cuts need root, loop devices, ext4, util-linux, e2fsprogs and Python 3";
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`. An ioctl of our own would be unsafe code.
const SHUT_DOWN: &str = "import fcntl, os, struct, sys\n\
     fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";
/// Size of the disk; the file is sparse, so it takes what is written.
const SIZE: &str = "60G";
/// Few and large files: room for inodes would only cost time.
const FORMAT: [&str; 5] = ["-q", "-F", "-m0", "-Tlargefile", "-Elazy_itable_init=1,nodiscard"];
/// How long whoever stands on a disk may take to be gone.
const GONE_MAX: Duration = Duration::from_secs(20);
/// Between two tries.
const TRY_PAUSE: Duration = Duration::from_millis(20);

/// Goes on as a process that sees mounts of its own: however it ends, nothing stays mounted.
pub fn see_own_mounts() -> Result<(), Failure> {
    let unshare = ["--mount", "--propagation", "private", "--"];
    let may = std::process::Command::new("unshare").args(unshare).arg("true").output();
    match may {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Err(refused("unshare", &output.stderr)),
        Err(error) => return Err(format!("{NEEDS}: unshare: {error}").into()),
    }
    let own = std::env::current_exe()?;
    let args = std::env::args_os().skip(1);
    let mut again = std::process::Command::new("unshare");
    again.args(unshare).arg(own).args(args).arg("--sees-own-mounts");
    Err(again.exec().into())
}

/// The disk.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    folder: PathBuf,
}

impl Disk {
    /// Makes it in this folder and mounts it.
    pub async fn make(home: &Path) -> Result<Self, Failure> {
        let disk = Self { image: home.join("disk.img"), folder: home.join("disk") };
        std::fs::create_dir_all(&disk.folder)?;
        command("truncate", [OsStr::new("--size"), OsStr::new(SIZE), disk.image.as_ref()]).await?;
        let format = FORMAT.into_iter().map(OsString::from);
        command("mkfs.ext4", format.chain([disk.image.clone().into()])).await?;
        disk.mount().await?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Cuts the power and gives it back. Whoever starts things on it again must do so by itself.
    pub async fn cut(&self, tasks: &Tasks) -> Result<(), Failure> {
        command("python3", [OsStr::new("-c"), OsStr::new(SHUT_DOWN), self.folder.as_ref()]).await?;
        self.unmount(tasks).await?;
        self.mount().await
    }

    /// Ends all that stand on it, and takes it away.
    pub async fn unmount(&self, tasks: &Tasks) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            end_users(&self.folder);
            match command("umount", [&self.folder]).await {
                Err(_busy) if begun.elapsed() < GONE_MAX => tasks.sleep(TRY_PAUSE).await,
                outcome => return outcome,
            }
        }
    }

    async fn mount(&self) -> Result<(), Failure> {
        let options = OsStr::new("loop,noatime,noinit_itable");
        let image: &OsStr = self.image.as_ref();
        command("mount", [OsStr::new("-o"), options, image, self.folder.as_ref()]).await
    }
}

/// Kills whoever works in a folder or has a file of it open.
fn end_users(folder: &Path) {
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let uses = |link: PathBuf| std::fs::read_link(link).is_ok_and(|at| at.starts_with(folder));
        let files = std::fs::read_dir(process.path().join("fd"));
        let mut files = files.into_iter().flatten().flatten().map(|file| file.path());
        if uses(process.path().join("cwd")) || files.any(uses) {
            // Whoever is gone by now needs no end.
            let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

async fn command<I>(name: &str, args: I) -> Result<(), Failure>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let output = Command::new(name).args(args).output().await;
    let output = output.map_err(|error| format!("{NEEDS}: {name}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(refused(name, &output.stderr)) }
}

fn refused(name: &str, said: &[u8]) -> Failure {
    format!("{NEEDS}: {name}: {}", String::from_utf8_lossy(said).trim()).into()
}
