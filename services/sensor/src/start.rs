//! The only file that knows all parts: puts them together and starts them.

use std::sync::Arc;

use parkmesh_contracts::sensor::v1::sensor_service_server::SensorServiceServer;
use parkmesh_eventbus::{Bus, relay};
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{self, Running, Server};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::apply::Writer;
use crate::app::due::Due;
use crate::app::keep::Keeper;
use crate::app::passage::Passages;
use crate::app::watch::Changes;
use crate::app::{App, snapshot};
use crate::config::Config;
use crate::domain::model::Models;
use crate::grpc::SensorDoor;
use crate::metrics::Metrics;
use crate::{consumers, jobs};

/// The name of the role.
pub const NAME: &str = "sensor";

/// What the service is given.
pub struct Deps {
    /// Where it answers.
    pub listener: TcpListener,
    /// The time.
    pub clock: Clock,
    /// Where ids come from.
    pub ids: Ids,
    /// The schema `sensor`, migrated by somebody else.
    pub pool: PgPool,
    /// Facts; the streams are there already.
    pub bus: Bus,
    /// Who tells callers apart.
    pub verifier: Verifier,
}

/// The service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server.
    #[error("the server did not start")]
    Serve(#[from] serve::StartError),
}

/// Starts the service. It says SERVING when this returns.
///
/// # Errors
/// When the server cannot start. A database or bus that is away is no error: calls are refused
/// until it is back.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let tasks = Tasks::new(&deps.clock);
    let app = App {
        relay: relay::start(&deps.bus, &deps.pool, NAME, &tasks),
        keeper: Keeper::start(&deps.bus, &tasks),
        clock: deps.clock,
        ids: deps.ids.clone(),
        pool: deps.pool,
        bus: deps.bus,
        tasks: tasks.clone(),
        models: Models { settle: config.settle.map(Into::into) },
        due: Arc::new(Due::default()),
        metrics: Metrics::default(),
        changes: Changes::default(),
        passages: Passages::default(),
        watch_limits: config.watch,
        plate_key: config.plate_key,
        snapshots: Arc::new(Semaphore::new(snapshot::SNAPSHOTS_MAX)),
    };
    consumers::start(&app);
    app.follow_passages();
    jobs::start(&app, config.silence_grace);
    let writer = Writer::start(&app);
    let door = SensorServiceServer::new(SensorDoor::new(app, writer));
    let mut running = Server::new(NAME, config.serve, &deps.ids, &deps.verifier)
        .service(door)
        .start(deps.listener)
        .await?;
    running.on_stop("tasks", async move { tasks.stop().await });
    running.ready().await;
    Ok(running)
}
