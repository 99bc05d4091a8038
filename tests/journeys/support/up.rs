//! A `parkmesh up` of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::auth::{Claims, Issuer, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

/// How long `up` may take on a busy machine with two cores.
const READY_MAX: Duration = Duration::from_secs(120);
/// How long it may take to drain.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// Processes hear of a moved clock within a tenth of a second.
const CLOCK_FOLLOWED: Duration = Duration::from_millis(300);

/// One `up` at a time: twelve processes each are enough for the machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A running Parkmesh, with servers, data and ports of its own.
pub struct Up {
    child: Child,
    home: PathBuf,
    file: Value,
    throw_away: bool,
    channel: OnceLock<Channel>,
    issuer: OnceLock<Issuer>,
    _turn: std::sync::MutexGuard<'static, ()>,
}

impl Up {
    /// Starts one whose data is thrown away, and waits until it is ready.
    pub fn start(args: &[&str]) -> Self {
        Self::start_set(args, &[])
    }

    /// The same, with settings that all its roles are given.
    pub fn start_set(args: &[&str], settings: &[(&str, &str)]) -> Self {
        let home = std::env::temp_dir().join(format!("parkmesh-journey-{}", uuid::Uuid::now_v7()));
        let args: Vec<&str> = ["--ephemeral"].iter().chain(args).copied().collect();
        let mut up = Self::start_at_set(&home, &args, settings);
        up.throw_away = true;
        up
    }

    /// Waits until no other is running: for a test whose `up` is started by somebody else.
    pub fn turn() -> std::sync::MutexGuard<'static, ()> {
        ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Starts one with a home that stays, and waits until it is ready.
    pub fn start_at(home: &Path, args: &[&str]) -> Self {
        Self::start_at_set(home, args, &[])
    }

    fn start_at_set(home: &Path, args: &[&str], settings: &[(&str, &str)]) -> Self {
        let turn = Self::turn();
        let home = home.to_owned();
        std::fs::create_dir_all(&home).expect("a temporary folder");
        let log = std::fs::File::create(home.join("up.log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_parkmesh"));
        command
            .args(["up", "--no-simulate", "--home"])
            .arg(&home)
            .args(["--port-base", &free_port_base().to_string()])
            .arg("--servers-home")
            .arg(servers_home())
            .args(args)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        let child = command.spawn().expect("parkmesh starts");
        let mut up = Self {
            child,
            home,
            file: Value::Null,
            throw_away: false,
            channel: OnceLock::new(),
            issuer: OnceLock::new(),
            _turn: turn,
        };
        up.file = up.until_ready();
        up
    }

    fn until_ready(&mut self) -> Value {
        let started = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(self.home.join("up.json"))
                && let Ok(file) = serde_json::from_str(&text)
            {
                return file;
            }
            let ended = self.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && started.elapsed() < READY_MAX,
                "`up` did not get ready ({ended:?}):\n{}",
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What `up` and its parts have said lately.
    pub fn logs(&self) -> String {
        let mut text = tail(&self.home.join("up.log"));
        if let Ok(entries) = std::fs::read_dir(self.home.join("run")) {
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.extension().is_some_and(|extension| extension == "log") {
                    text.push_str(&format!("--- {}\n{}", path.display(), tail(&path)));
                }
            }
        }
        text
    }

    /// A line of up.json, by its path.
    pub fn told(&self, path: &str) -> String {
        let value = self.file.pointer(path).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("up.json has no {path}")).to_owned()
    }

    /// Where keys, logs and up.json are.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The gateway's address.
    pub fn gateway(&self) -> String {
        self.told("/gateway")
    }

    /// A development token.
    pub fn token(&self, of: &str) -> String {
        self.told(&format!("/tokens/{of}"))
    }

    /// The demo mall.
    pub fn lot(&self) -> String {
        self.told("/lot_id")
    }

    /// Moves the clock of every process, and of Postgres, forward.
    pub fn advance(&self, by: SignedDuration) {
        let path = PathBuf::from(self.told("/clock_offset_file"));
        let offset: i128 = std::fs::read_to_string(&path)
            .map_or(0, |text| text.trim().parse().expect("a number of milliseconds"));
        std::fs::write(&path, (offset + by.as_millis()).to_string()).expect("a writable file");
        std::thread::sleep(CLOCK_FOLLOWED);
    }

    /// The time that the processes believe in.
    pub fn now(&self) -> jiff::Timestamp {
        let path = PathBuf::from(self.told("/clock_offset_file"));
        let offset: i64 = std::fs::read_to_string(&path)
            .map_or(0, |text| text.trim().parse().expect("a number of milliseconds"));
        jiff::Timestamp::now() + SignedDuration::from_millis(offset)
    }

    /// Kills a role, or a server underneath, as a power cut would; `up` starts it again.
    pub fn kill9(&self, name: &str) {
        let pid = self.pid(name).unwrap_or_else(|| panic!("{name} does not run\n{}", self.logs()));
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// The process of a role or a server.
    pub fn pid(&self, name: &str) -> Option<i32> {
        let text = std::fs::read_to_string(self.home.join(format!("run/{name}.pid"))).ok()?;
        text.trim().parse().ok()
    }

    /// One connection to the gateway, shared by a crowd.
    pub fn shared_channel(&self) -> Channel {
        let connect = || Endpoint::from_shared(self.gateway()).expect("an address").connect_lazy();
        self.channel.get_or_init(connect).clone()
    }

    /// A driver's token from the development issuer.
    pub fn mint(&self, name: &str) -> String {
        self.mint_claims(&Claims::new(name, Role::Driver, 3_600 * 24 * 30))
    }

    /// Any token from the development issuer.
    pub fn mint_claims(&self, claims: &Claims) -> String {
        let issuer = self.issuer.get_or_init(|| {
            let key = self.home.join("keys/issuer.pem");
            Issuer::open(&key, &Clock::system(), &Ids::random()).expect("the development key")
        });
        issuer.mint(claims).expect("a token")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let _gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < DRAIN_MAX {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if self.throw_away {
            let _gone = std::fs::remove_dir_all(&self.home);
        }
    }
}

/// A base with two hundred free ports above it, as far as one can see.
fn free_port_base() -> u16 {
    let offsets = (0..8).chain(100..108);
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = u16::try_from(std::process::id() % 20).expect("below 20") * 1_000;
    (0..40_u16)
        .map(|step| 20_000 + (start + step * 300) % 12_000)
        .find(|base| offsets.clone().all(|offset| is_free(base + offset)))
        .expect("free ports")
}

/// Where fetched servers are kept between runs.
pub fn servers_home() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.parkmesh");
    std::env::var_os("PARKMESH_TEST_HOME").map_or(default, PathBuf::from)
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n") + "\n"
}
