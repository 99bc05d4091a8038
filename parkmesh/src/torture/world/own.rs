//! A Parkmesh of our own: `parkmesh up` beside us, and more replicas of booking beside the one that it runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::postgres::url_as;
use parkmesh_platform::tasks::Tasks;
use tokio::process::{Child, Command};

use crate::Failure;
use crate::access::{Passwords, as_user};
use crate::cli::{Torture, TortureKind};
use crate::client::UpFile;
use crate::torture::disk::Disk;
use crate::up::STORES;
use crate::up::supervisor::{Part, keep_alive};

/// How long `up` may take, servers fetched on the way.
const READY_MAX: Duration = Duration::from_secs(300);
/// How long it may take to drain.
const DRAIN_MAX: Duration = Duration::from_secs(40);
/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// Ports above a base that `up` uses.
const PORT_OFFSETS: [u16; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 100, 101, 102, 103, 104, 105, 106, 107];

/// The servers whose power is cut.
const ON_DISK: [&str; 2] = ["postgres", "nats"];

/// What was started.
pub struct Own {
    home: PathBuf,
    file: UpFile,
    addresses: Vec<String>,
    /// Names of the pid files of all replicas of booking.
    pub replicas: Vec<String>,
    /// The disk of Postgres and NATS, where its power is to be cut.
    pub disk: Option<Disk>,
    up: Mutex<Option<Child>>,
}

impl Own {
    /// Starts everything and waits until it is ready.
    pub async fn start(options: &Torture, home: &Path, tasks: &Tasks) -> Result<Self, Failure> {
        println!("· starting a Parkmesh of our own with {} replicas of booking", options.replicas);
        let home = home.join("world");
        std::fs::create_dir_all(&home)?;
        let log = std::fs::File::create(home.join("up.log"))?;
        let clockwork = (options.what != TortureKind::Expiry).to_string();
        let data = home.join("data");
        let disk = match options.cut_power_every > 0.0 {
            true => Some(disk_below(&home, &data).await?),
            false => None,
        };
        let ephemeral = options.keep.is_none().then_some("--ephemeral");
        let hasty = options.hasty_stores.then_some("--hasty-stores");
        let mut up = Command::new(std::env::current_exe()?);
        up.env("PARKMESH_BOOKING_CLOCKWORK", &clockwork)
            .args(["up", "--no-simulate", "--no-seed", "--home"])
            .arg(&home)
            .arg("--data-dir")
            .arg(&data)
            .args(ephemeral)
            .args(hasty)
            .args(["--port-base", &free_port_base()?.to_string(), "--servers-home"])
            .arg(&options.servers_home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if options.keep.is_some() {
            // Ctrl-C at the terminal is for us, who end the sitting in order.
            up.process_group(0);
        }
        let up = up.spawn()?;
        let mut own = Self {
            file: UpFile::default(),
            addresses: Vec::new(),
            replicas: vec!["booking".to_owned()],
            disk,
            up: Mutex::new(Some(up)),
            home,
        };
        own.file = own.until_ready(tasks).await?;
        own.stands_on_its_disk()?;
        own.addresses = vec![own.file.services["booking"].clone()];
        for number in 2..=options.replicas {
            own.add_replica(number, &clockwork, tasks)?;
        }
        Ok(own)
    }

    async fn until_ready(&self, tasks: &Tasks) -> Result<UpFile, Failure> {
        let begun = Instant::now();
        loop {
            if let Ok(file) = UpFile::read(&self.home) {
                return Ok(file);
            }
            let ended = self.up().as_mut().and_then(|up| up.try_wait().ok().flatten());
            if ended.is_some() || begun.elapsed() > READY_MAX {
                let log = std::fs::read_to_string(self.home.join("up.log")).unwrap_or_default();
                return Err(format!("`parkmesh up` did not get ready ({ended:?}):\n{log}").into());
            }
            tasks.sleep(LOOK_PERIOD).await;
        }
    }

    /// The servers put their data elsewhere when their account cannot walk to it.
    fn stands_on_its_disk(&self) -> Result<(), Failure> {
        let Some(disk) = &self.disk else { return Ok(()) };
        for name in ON_DISK {
            let folder = std::fs::canonicalize(&self.file.folders[name])?;
            if !folder.starts_with(disk.folder().canonicalize()?) {
                return Err(format!("{name} keeps its data in {}", folder.display()).into());
            }
        }
        Ok(())
    }

    /// Another process of booking with the settings of the first, but for its ports.
    fn add_replica(&mut self, number: u32, clockwork: &str, tasks: &Tasks) -> Result<(), Failure> {
        let [listen, admin] = free_addresses()?;
        let passwords = Passwords::open(&self.home.join("keys").join(STORES))?;
        let key = |name: &str| self.home.join("keys").join(name).display().to_string();
        let settings = [
            ("LISTEN", listen.clone()),
            ("ADMIN_LISTEN", admin),
            ("AUTH_JWKS", key("jwks.json")),
            ("SERVICE_TOKEN_FILE", key("booking.token")),
            ("CLOCK_OFFSET_FILE", self.file.clock_offset_file.clone()),
            ("POSTGRES_URL", url_as(&self.file.servers["postgres"], "booking")?),
            ("NATS_URL", as_user(&self.file.servers["nats"], "booking", &passwords)),
            ("PAYMENT_URL", self.file.services["payment"].clone()),
            ("CLOCKWORK", clockwork.to_owned()),
        ];
        let name = format!("booking-{number}");
        let part = Part {
            name: name.clone(),
            args: vec!["serve".to_owned(), "booking".to_owned()],
            env: settings.map(|(name, value)| (format!("PARKMESH_{name}"), value)).to_vec(),
        };
        let _ends_with_the_tasks = keep_alive(part, &self.home.join("run"), tasks);
        self.replicas.push(name);
        self.addresses.push(format!("http://{listen}"));
        Ok(())
    }

    /// Where each replica of booking answers.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.clone()
    }

    /// The development key.
    pub fn key(&self) -> PathBuf {
        self.home.join("keys/issuer.pem")
    }

    /// NATS.
    pub fn nats_url(&self) -> Result<String, Failure> {
        self.file.servers.get("nats").cloned().ok_or_else(|| "up.json names no NATS".into())
    }

    /// The database, as its administrator.
    pub fn postgres_url(&self) -> Result<String, Failure> {
        self.file.servers.get("postgres").cloned().ok_or_else(|| "up.json names no Postgres".into())
    }

    /// Sends a signal to a part; false when it does not run at this moment.
    pub fn signal(&self, name: &str, signal: Signal) -> bool {
        let pid = std::fs::read_to_string(self.home.join(format!("run/{name}.pid")));
        let pid = pid.ok().and_then(|text| text.trim().parse().ok());
        pid.is_some_and(|pid| kill(Pid::from_raw(pid), signal).is_ok())
    }

    /// Lines of the logs of booking that should not be there.
    pub fn complaints(&self, word: &str) -> usize {
        let read =
            |name: &String| std::fs::read_to_string(self.home.join(format!("run/{name}.log")));
        let logs = self.replicas.iter().filter_map(|name| read(name).ok());
        logs.map(|log| log.lines().filter(|line| line.contains(word)).count()).sum()
    }

    /// Drains it.
    pub async fn close(&self, tasks: &Tasks) {
        let Some(mut up) = self.up().take() else { return };
        terminate(&up);
        if tokio::time::timeout(DRAIN_MAX, up.wait()).await.is_err() {
            let _gone = up.kill().await;
        }
        if let Some(disk) = &self.disk
            && let Err(failure) = disk.unmount(tasks).await
        {
            eprintln!("  the disk was not taken away: {failure}");
        }
    }

    fn up(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.up.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Whoever was stopped half-way leaves no servers behind either.
        if let Some(up) = self.up().take() {
            terminate(&up);
        }
    }
}

/// A disk on which the servers will find the folders that they look for in `data`.
async fn disk_below(home: &Path, data: &Path) -> Result<Disk, Failure> {
    let disk = Disk::make(home).await?;
    std::fs::create_dir_all(data)?;
    for name in ON_DISK {
        let folder = disk.folder().join(name);
        std::fs::create_dir_all(&folder)?;
        std::os::unix::fs::symlink(folder, data.join(name))?;
    }
    Ok(disk)
}

fn terminate(child: &Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Below where the servers are, and below where systems take the ports of outgoing connections: beside somebody who has
/// thousands of those, no row of ports would be free.
pub fn free_port_base() -> Result<u16, Failure> {
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = u16::try_from(std::process::id() % 40).unwrap_or_default() * 200;
    (0..40_u16)
        .map(|step| 11_000 + (first + step * 200) % 8_000)
        .find(|base| PORT_OFFSETS.iter().all(|offset| is_free(base + offset)))
        .ok_or_else(|| "no free ports were found".into())
}

fn free_addresses() -> Result<[String; 2], Failure> {
    let bind = || std::net::TcpListener::bind("127.0.0.1:0");
    let (one, other) = (bind()?, bind()?);
    Ok([one.local_addr()?.to_string(), other.local_addr()?.to_string()])
}
