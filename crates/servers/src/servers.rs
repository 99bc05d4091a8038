//! The private servers of one data folder: started together, killed and started again one by one,
//! stopped together.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::account::{self, Account};
use crate::fetch::end_of;
use crate::keeper::Keeper;
use crate::ports::Ports;
use crate::process::{self, Process};
use crate::ready::Check;
use crate::settings::{Access, SUPERUSER, Settings};
use crate::{Binaries, Error, Kind, postgres};

/// How long a server may take until it answers; PostgreSQL may have a log to replay.
const READY_WAIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(15);
/// How often a start is tried: after a kill, PostgreSQL's orphans hold its memory for a moment.
const TRIES: u32 = 20;
const TRY_PAUSE: Duration = Duration::from_millis(250);

/// What survives a power cut. A crash of a server alone loses nothing in any way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// What was acknowledged.
    Durable,
    /// What was acknowledged some time ago: PostgreSQL commits without waiting for its disk, NATS syncs
    /// every two minutes, as it does by itself.
    Hasty,
    /// Perhaps nothing: tests need no more.
    None,
}

/// How to run the servers.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of all data, settings and logs. Created when missing; used by one process at a time.
    pub data_dir: PathBuf,
    /// What survives a power cut.
    pub care: Care,
    /// Whether to remove what the folder holds before starting.
    pub fresh: bool,
    /// Who may do what in Redis and NATS; whoever comes, everything, where this is none.
    pub access: Option<Access>,
}

impl Options {
    /// Servers that keep what they acknowledged, with the data that the folder has.
    pub fn durable(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), care: Care::Durable, fresh: false, access: None }
    }

    /// Fast servers without data, for tests.
    pub fn throwaway(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), care: Care::None, fresh: true, access: None }
    }
}

/// Running servers. They end with [`Self::stop`], when this is dropped, and (on Linux) with this process.
#[derive(Debug)]
pub struct Servers {
    layout: Layout,
    binaries: Binaries,
    care: Care,
    access: Option<Access>,
    name: String,
    ports: Ports,
    processes: Mutex<[Option<Process>; 4]>,
    keeper: Keeper,
    // Held for as long as we may have servers on the folder.
    _lock: Lock,
}

/// Where things lie.
#[derive(Debug)]
struct Layout {
    top: PathBuf,
    /// PostgreSQL's data: for root perhaps outside `top`, see `account`.
    postgres: PathBuf,
    account: Option<Account>,
}

impl Layout {
    fn of(&self, kind: Kind) -> PathBuf {
        if kind == Kind::Postgres { self.postgres.clone() } else { self.top.join(kind.name()) }
    }

    fn run(&self) -> PathBuf {
        self.top.join("run")
    }

    fn log(&self, kind: Kind) -> PathBuf {
        self.run().join(format!("{kind}.log"))
    }
}

impl Servers {
    /// Starts all four on free ports and waits until each answers. Servers that an earlier, killed process
    /// left on this folder are ended first.
    ///
    /// # Errors
    /// When the folder is in use, or a server does not come up; the text ends with the server's log.
    pub fn start(binaries: &Binaries, options: &Options) -> Result<Self, Error> {
        account::create(&options.data_dir)?;
        let top = options.data_dir.canonicalize();
        let top = top.map_err(Error::file(&options.data_dir, "could not be resolved"))?;
        let lock = lock(&top)?;
        Kind::ALL.into_iter().for_each(|kind| process::end_left_over(&top.join("run"), kind));
        if options.fresh {
            erase(&top)?;
        }
        for folder in ["run", Kind::Redis.name(), Kind::Nats.name(), Kind::Mosquitto.name()] {
            account::create(&top.join(folder))?;
        }
        for log in Kind::ALL.map(|kind| top.join("run").join(format!("{kind}.log"))) {
            // One earlier log is kept. It is missing on a first start, and nobody needs it to start.
            drop(fs::rename(&log, log.with_extension("log.1")));
        }
        let account = account::ordinary();
        let postgres = postgres::prepare(binaries, &top, account, options.care)?;
        let ports = Ports::choose(&top)?;
        let mut servers = Self {
            name: format!("parkmesh-{}-{}", std::process::id(), ports.of(Kind::Nats)),
            layout: Layout { top, postgres, account },
            binaries: binaries.clone(),
            care: options.care,
            access: options.access.clone(),
            ports,
            processes: Mutex::new([None, None, None, None]),
            keeper: Keeper::start()
                .map_err(Error::file(&options.data_dir, "could not be served"))?,
            _lock: lock,
        };
        servers.start_all()?;
        Ok(servers)
    }

    /// PostgreSQL's address for its superuser and the database `postgres`.
    pub fn postgres_url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port(Kind::Postgres))
    }

    /// The address of Redis, for its administrator.
    pub fn redis_url(&self) -> String {
        format!("redis://{}127.0.0.1:{}", self.administrator(), self.port(Kind::Redis))
    }

    /// The address of NATS, for its administrator.
    pub fn nats_url(&self) -> String {
        format!("nats://{}127.0.0.1:{}", self.administrator(), self.port(Kind::Nats))
    }

    fn administrator(&self) -> String {
        self.access.as_ref().map_or_else(String::new, |access| {
            format!("{}:{}@", access.administrator, access.password)
        })
    }

    /// The address of the MQTT broker.
    pub fn mqtt_url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port(Kind::Mosquitto))
    }

    /// The port of one server, on 127.0.0.1.
    pub fn port(&self, kind: Kind) -> u16 {
        self.ports.of(kind)
    }

    /// The log of one server.
    pub fn log(&self, kind: Kind) -> PathBuf {
        self.layout.log(kind)
    }

    /// Where PostgreSQL's data lies: for root it may be outside the data folder.
    pub fn postgres_dir(&self) -> &Path {
        &self.layout.postgres
    }

    /// The process of one server, while it runs.
    pub fn pid(&self, kind: Kind) -> Option<u32> {
        let mut processes = self.processes();
        let process = processes[kind as usize].as_mut()?;
        process.alive().then(|| process.pid())
    }

    /// Whether one server runs.
    pub fn is_running(&self, kind: Kind) -> bool {
        self.pid(kind).is_some()
    }

    /// Kills one server as a crash would. Nothing happens when it is not running.
    pub fn kill9(&self, kind: Kind) {
        let process = self.processes()[kind as usize].take();
        if let Some(process) = process {
            process.kill9();
        }
    }

    /// Starts one server again at the same address, with what its data holds, and waits until it answers.
    /// Nothing happens when it is running.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_again(&self, kind: Kind) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            let outcome = self.launch(kind).and_then(|()| self.await_ready(kind));
            tries += 1;
            if outcome.is_ok() || tries == TRIES || self.is_running(kind) {
                return outcome;
            }
            thread::sleep(TRY_PAUSE);
        }
    }

    /// Stops all, in order, and waits for their ends. The data stays.
    pub fn stop(&self) {
        let mut processes = self.processes();
        processes.iter_mut().flatten().for_each(Process::ask_to_end);
        processes.iter_mut().filter_map(Option::take).for_each(Process::wait);
    }

    /// Stops all and removes their data, logs and settings.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn erase(self) -> Result<(), Error> {
        self.stop();
        let top = &self.layout.top;
        erase(top)?;
        for name in ["ports.json", "lock"] {
            drop(fs::remove_file(top.join(name)));
        }
        // Stays when somebody else keeps something in it.
        drop(fs::remove_dir(top));
        Ok(())
    }

    fn start_all(&mut self) -> Result<(), Error> {
        // All at once, then wait for each: the slowest decides, not the sum.
        for kind in Kind::ALL {
            self.launch(kind)?;
        }
        for kind in Kind::ALL {
            let Err(error) = self.await_ready(kind) else { continue };
            if self.is_running(kind) {
                return Err(error);
            }
            self.ports.replace_if_taken(kind)?;
            self.start_again(kind)?;
        }
        Ok(())
    }

    fn launch(&self, kind: Kind) -> Result<(), Error> {
        let mut processes = self.processes();
        let place = &mut processes[kind as usize];
        if place.as_mut().is_some_and(Process::alive) {
            return Ok(());
        }
        let folder = self.layout.of(kind);
        let settings = Settings {
            port: self.port(kind),
            folder: &folder,
            care: self.care,
            name: &self.name,
            access: self.access.as_ref(),
        };
        let arguments = settings.arguments(kind)?;
        let account = self.layout.account.filter(|_| kind == Kind::Postgres);
        let (log, run) = (self.layout.log(kind), self.layout.run());
        let program = self.binaries.of(kind);
        *place = Some(Process::start(&self.keeper, program, &arguments, account, &log, &run)?);
        Ok(())
    }

    fn await_ready(&self, kind: Kind) -> Result<(), Error> {
        let until = Instant::now() + READY_WAIT;
        loop {
            let Some(pid) = self.pid(kind) else {
                return Err(self.not_ready(kind, "ended while starting".to_owned()));
            };
            let check = Check {
                kind,
                port: self.port(kind),
                pid,
                name: &self.name,
                postgres: &self.layout.postgres,
                access: self.access.as_ref(),
            };
            // Still running after it answered: the answer was not another server's on the same port.
            if check.passes() && self.is_running(kind) {
                return Ok(());
            }
            if Instant::now() > until {
                let what = format!("did not answer within {} s", READY_WAIT.as_secs());
                return Err(self.not_ready(kind, what));
            }
            thread::sleep(POLL);
        }
    }

    fn not_ready(&self, kind: Kind, what: String) -> Error {
        let log = self.layout.log(kind);
        let tail = end_of(&fs::read_to_string(&log).unwrap_or_default(), 15);
        Error::NotReady { kind, what, log, tail }
    }

    fn processes(&self) -> MutexGuard<'_, [Option<Process>; 4]> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Keeps others from starting servers in the same folder.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it is not enough: a child that some thread is starting at this moment has the file
        // too, until it becomes its own program.
        let _gone = self.0.unlock();
    }
}

fn lock(top: &Path) -> Result<Lock, Error> {
    let path = top.join("lock");
    let file = File::create(&path).map_err(Error::file(&path, "could not be created"))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: top.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::file(&path, "could not be locked")(error)),
    }
}

fn erase(top: &Path) -> Result<(), Error> {
    postgres::erase(top)?;
    for name in ["run", Kind::Redis.name(), Kind::Nats.name(), Kind::Mosquitto.name()] {
        let folder = top.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file(&folder, "could not be removed")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_lock_is_free_when_it_is_dropped_though_a_child_still_has_the_file() {
        let top = std::env::temp_dir().join(format!("parkmesh-lock-{}", std::process::id()));
        fs::create_dir_all(&top).unwrap();
        let first = lock(&top).unwrap();
        let inherited = first.0.try_clone().unwrap();
        assert!(matches!(lock(&top), Err(Error::Locked { .. })));
        drop(first);
        assert!(lock(&top).is_ok());
        drop(inherited);
        fs::remove_dir_all(&top).unwrap();
    }
}
