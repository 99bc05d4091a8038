//! A `parkmesh up` of a proof's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use crate::Failure;
use crate::proof::repository;

/// How long `up` may take, servers fetched on the way.
const READY_MAX: Duration = Duration::from_secs(300);
/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// Ports that nobody uses by default.
const PORT_BASE: &str = "41000";

/// A running `up`.
pub struct Up {
    child: Child,
    home: PathBuf,
    /// What `up.json` says.
    pub file: Value,
    /// From the start of the process until up.json stood.
    pub ready_after: Duration,
}

impl Up {
    /// Starts it in this home.
    pub fn start(binary: &Path, home: &Path, args: &[&str]) -> Result<Self, Failure> {
        Self::start_with(binary, home, args, &[])
    }

    /// The same with settings for all roles.
    pub fn start_with(
        binary: &Path,
        home: &Path,
        args: &[&str],
        settings: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let started = Instant::now();
        let child = Command::new(binary)
            .args(["up", "--no-simulate", "--port-base", PORT_BASE, "--home"])
            .arg(home)
            .arg("--servers-home")
            .arg(repository().join(".parkmesh"))
            .args(args)
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let home = home.to_owned();
        let mut up = Self { child, home, file: Value::Null, ready_after: Duration::ZERO };
        up.file = up.until_ready(&up.home.join("up.json"), started)?;
        up.ready_after = started.elapsed();
        Ok(up)
    }

    /// An entry of `up.json`.
    pub fn told(&self, path: &str) -> Result<String, Failure> {
        let told = self.file.pointer(path).and_then(Value::as_str);
        Ok(told.ok_or_else(|| format!("up.json has no {path}"))?.to_owned())
    }

    /// The process of a role or a server.
    pub fn pid(&self, name: &str) -> Result<i32, Failure> {
        let text = std::fs::read_to_string(self.home.join(format!("run/{name}.pid")))?;
        Ok(text.trim().parse()?)
    }

    /// Kills a role or a server, which is started again. Gives its process.
    pub fn kill(&self, name: &str) -> Result<i32, Failure> {
        let pid = self.pid(name)?;
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            // It has ended by itself a moment ago: also a death.
            Ok(()) | Err(Errno::ESRCH) => Ok(pid),
            Err(error) => Err(error.into()),
        }
    }

    /// A connection to a schema, as the database's administrator.
    pub async fn database(&self, schema: &str) -> Result<PgConnection, Failure> {
        let options = PgConnectOptions::from_str(&self.told("/servers/postgres")?)?;
        let path = format!("{schema}, platform");
        Ok(options.options([("search_path", path)]).connect().await?)
    }

    fn until_ready(&mut self, path: &Path, started: Instant) -> Result<Value, Failure> {
        loop {
            if let Ok(text) = std::fs::read_to_string(path)
                && let Ok(file) = serde_json::from_str(&text)
            {
                return Ok(file);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("`parkmesh up` ended before it was ready: {status}").into());
            }
            if started.elapsed() > READY_MAX {
                return Err("`parkmesh up` did not get ready".into());
            }
            std::thread::sleep(LOOK_PERIOD);
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ended = self.child.wait();
    }
}

/// The `parkmesh` that was built together with this program.
pub fn binary() -> Result<PathBuf, Failure> {
    let binary = std::env::current_exe()?.with_file_name("parkmesh");
    match binary.exists() {
        true => Ok(binary),
        false => Err("there is no parkmesh beside this program; run it by `cargo xtask`".into()),
    }
}

/// A folder of a proof's own below target/, emptied.
pub fn home(name: &str) -> Result<PathBuf, Failure> {
    let home = repository().join("target/proof-homes").join(name);
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    std::fs::create_dir_all(&home)?;
    Ok(home)
}

/// Runs a command of `parkmesh` against a fresh `up` without lots. How it ended, and the report that it wrote.
pub fn report(
    name: &str,
    what: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<(ExitStatus, Result<Value, Failure>), Failure> {
    let (binary, home) = (binary()?, home(name)?);
    let running = Up::start(&binary, &home, &["--no-seed", "--ephemeral"])?;
    let report = home.join("report.json");
    let status = what(&mut Command::new(&binary))
        .args(["--gateway", running.file["gateway"].as_str().unwrap_or_default(), "--home"])
        .arg(&home)
        .arg("--json")
        .arg(&report)
        .status()?;
    drop(running);
    let read = std::fs::read_to_string(&report)
        .map_err(|error| format!("parkmesh ended with {status} and no report: {error}").into())
        .and_then(|text| Ok(serde_json::from_str(&text)?));
    Ok((status, read))
}
