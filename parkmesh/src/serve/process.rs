//! What all roles of a process share: clock, chance, tasks, identity, the admin port.

use std::path::PathBuf;

use parkmesh_eventbus::access::Part;
use parkmesh_eventbus::{Bus, BusConfig};
use parkmesh_platform::admin::{self, Readiness};
use parkmesh_platform::auth::{AuthConfig, Credential, Verifier};
use parkmesh_platform::channel::{Channel, ChannelConfig};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::clock_file;
use parkmesh_platform::config::Reader;
use parkmesh_platform::failpoint;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::postgres::{self, PostgresConfig};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::Failure;
use crate::names::Role;

/// The process around the roles.
pub struct Process {
    pub clock: Clock,
    pub ids: Ids,
    pub tasks: Tasks,
    pub readiness: Readiness,
}

impl Process {
    /// Opens the admin port, alive and not yet ready.
    pub async fn start(roles: &[Role]) -> Result<Self, Failure> {
        let first = roles.first().copied().ok_or("no role was named")?;
        let mut reader = Reader::from_env().scoped(first.as_str());
        let listen = reader.get("ADMIN_LISTEN", format!("127.0.0.1:{}", first.admin_port()));
        let offset_file: Option<PathBuf> = reader.find("CLOCK_OFFSET_FILE");
        failpoint::arm(&mut reader);
        reader.finish()?;
        let clock = if offset_file.is_some() { Clock::movable() } else { Clock::system() };
        let tasks = Tasks::new(&clock);
        if let Some(path) = offset_file {
            tracing::warn!(path = %path.display(), "the clock can be moved: development only");
            clock_file::follow(&clock, path, &tasks);
        }
        let readiness = Readiness::default();
        admin::serve(bind(&listen, "PARKMESH_ADMIN_LISTEN").await?, readiness.clone(), &tasks);
        Ok(Self { clock, ids: Ids::random(), tasks, readiness })
    }

    /// Ends what the process itself runs.
    pub async fn stop(self) {
        self.tasks.stop().await;
    }

    /// Settings of one role.
    pub fn reader(role: Role) -> Reader {
        Reader::from_env().scoped(role.as_str())
    }

    /// Where a role listens.
    pub async fn listener(role: Role, reader: &mut Reader) -> Result<TcpListener, Failure> {
        let port = role.port().unwrap_or_default();
        let listen = reader.get("LISTEN", format!("127.0.0.1:{port}"));
        bind(&listen, "PARKMESH_LISTEN").await
    }

    /// Who may call, as the settings say; with a certificate of our own we want to see those of others.
    pub async fn verifier(
        &self,
        config: &AuthConfig,
        own: Option<&Credential>,
    ) -> Result<Verifier, Failure> {
        let verifier = Verifier::start(config, &self.clock, &self.tasks).await?;
        Ok(match own {
            Some(Credential::Certificate(mtls)) => verifier.with_mtls(mtls.clone()),
            Some(Credential::Token(_)) | None => verifier,
        })
    }

    /// The pool of a role.
    pub fn pool(&self, config: &PostgresConfig) -> Result<PgPool, Failure> {
        Ok(postgres::connect(config, &self.clock)?)
    }

    /// The event spine, with the streams of this service made or brought up to date.
    pub async fn bus(&self, config: &BusConfig, part: &Part) -> Result<Bus, Failure> {
        let bus = Bus::connect(config, &self.clock, &self.ids).await?;
        bus.ensure_streams_of(part).await?;
        Ok(bus)
    }

    /// A way to another service, as ourselves.
    pub fn channel(
        &self,
        config: &ChannelConfig,
        own: Option<&Credential>,
    ) -> Result<Channel, Failure> {
        let own = own.ok_or("whoever calls a service proves a name")?;
        Ok(Channel::connect(config, own.clone(), &self.tasks)?)
    }
}

async fn bind(listen: &str, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen} ({error}); set {setting} to a free address").into()
    })
}
