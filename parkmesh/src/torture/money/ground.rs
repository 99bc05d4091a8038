//! Servers and the roles that money passes through, each a process of its own that can be started and
//! killed by itself.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parkmesh_platform::auth::{Claims, Issuer, Role as Party};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::postgres;
use parkmesh_platform::tasks::Tasks;
use parkmesh_servers::{Binaries, Care, Options, Servers};
use sqlx::{Connection, PgConnection};
use tokio::process::{Child, Command};
use tonic::transport::Channel;

use crate::access::{self, Passwords};
use crate::cli::Torture;
use crate::client::{Gateway, lasting, over};
use crate::names::Role;
use crate::torture::world::free_port_base;
use crate::up::plan::{Plan, ServerUrls};
use crate::up::{DATABASE, keys, ready};
use crate::{Failure, migrate};

/// How long a role may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// How long one call of the provider may take: short, so that a round is.
const PROVIDER_TIMEOUT_MS: &str = "500";
/// Who runs all lots.
pub const OPERATOR: &str = "torture";
/// How long tokens hold, in seconds.
const TOKEN_SECONDS: u32 = 7 * 24 * 3_600;

/// What runs underneath, and who may call.
pub struct Ground {
    pub plan: Plan,
    pub tasks: Tasks,
    issuer: Issuer,
    /// They end with this.
    _servers: Servers,
}

impl Ground {
    /// Servers with all schemas; no role yet. They do not wait for the disk: processes die here, and no
    /// machine loses its power.
    pub async fn start(options: &Torture, home: &Path) -> Result<Self, Failure> {
        let home = home.join("money");
        std::fs::create_dir_all(home.join("run"))?;
        let binaries = Binaries::locate_or_fetch(&options.servers_home, &|_| ())?;
        let passwords = Passwords::new();
        let access = Some(access::of_servers(&passwords));
        let durable = Options::durable(&home.join("data"));
        let how = Options { fresh: true, care: Care::Hasty, access, ..durable };
        let servers =
            tokio::task::spawn_blocking(move || Servers::start(&binaries, &how)).await??;
        let urls = ServerUrls {
            postgres: ready::database(&servers.postgres_url(), DATABASE).await?,
            redis: servers.redis_url(),
            nats: servers.nats_url(),
            mqtt: servers.mqtt_url(),
        };
        postgres::migrate(&urls.postgres, &migrate::schemas(true)).await?;
        let port_base = Some(free_port_base()?);
        let plan = Plan {
            port_base,
            home,
            servers: urls,
            passwords,
            otlp_endpoint: None,
            app_dir: None,
            mtls: false,
        };
        let clock = Clock::system();
        let tasks = Tasks::new(&clock);
        let issuer = keys::prepare(&plan, &clock, &tasks)?;
        Ok(Self { plan, tasks, issuer, _servers: servers })
    }

    /// A role that is not started yet.
    pub fn role(&self, role: Role) -> Part<'_> {
        Part { ground: self, role, child: None }
    }

    /// The database, as its administrator.
    pub async fn database(&self) -> Result<PgConnection, Failure> {
        Ok(PgConnection::connect(&self.plan.servers.postgres).await?)
    }

    /// A connection to a role that is made anew whenever it is lost.
    pub fn channel(&self, role: Role) -> Result<Channel, Failure> {
        lasting(&self.plan.url(role).ok_or("the role answers nowhere")?)
    }

    /// A way to a role as a driver.
    pub fn driver(&self, to: Role, name: &str) -> Result<Gateway, Failure> {
        let claims = Claims::new(name, Party::Driver, TOKEN_SECONDS);
        over(self.channel(to)?, &self.issuer.mint(&claims)?)
    }

    /// A way to a role as another one.
    pub fn service(&self, to: Role, name: Role) -> Result<Gateway, Failure> {
        let claims = Claims::service(name.as_str(), TOKEN_SECONDS);
        over(self.channel(to)?, &self.issuer.mint(&claims)?)
    }

    /// A way to a role as [`OPERATOR`].
    pub fn operator(&self, to: Role) -> Result<Gateway, Failure> {
        let claims = Claims::new(OPERATOR, Party::Operator, TOKEN_SECONDS);
        over(self.channel(to)?, &self.issuer.mint(&claims)?)
    }
}

/// The process of a role.
pub struct Part<'a> {
    ground: &'a Ground,
    role: Role,
    child: Option<Child>,
}

impl Part<'_> {
    /// Starts it, to die at a point or not, and waits until it serves. One that dies at once is no
    /// failure here: the point may stand in what it finds to do.
    pub async fn start(&mut self, failpoint: Option<&str>) -> Result<(), Failure> {
        let (plan, part) = (&self.ground.plan, self.ground.plan.part(self.role));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(plan.run_dir().join(format!("{}.log", self.role)))?;
        let child = Command::new(std::env::current_exe()?)
            .args(&part.args)
            .envs(part.env)
            .env("PARKMESH_PROVIDER_TIMEOUT_MS", PROVIDER_TIMEOUT_MS)
            .envs(failpoint.map(|point| ("PARKMESH_FAILPOINT", point)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let child = self.child.insert(child);
        let (admin, begun) = (plan.admin_address(self.role), Instant::now());
        while !ready::is_ready(&admin).await {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            if begun.elapsed() > READY_MAX {
                let logs = plan.run_dir();
                return Err(format!("{} is not ready; see {}", self.role, logs.display()).into());
            }
            self.ground.tasks.sleep(LOOK_PERIOD).await;
        }
        Ok(())
    }

    /// How it ended by itself, if it does within this time.
    pub async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        tokio::time::timeout(within, child.wait()).await.ok()?.ok()
    }

    /// Kills it, as a machine that loses its power would.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Lets it drain.
    pub async fn stop(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGTERM)?;
        }
        child.wait().await?;
        Ok(())
    }
}
