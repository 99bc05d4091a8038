//! The only file that knows all parts.

use std::sync::Arc;

use parkmesh_contracts::availability::v1::availability_service_server::AvailabilityServiceServer;
use parkmesh_eventbus::Bus;
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::redis::Pool;
use parkmesh_platform::serve::{Running, Server, StartError};
use parkmesh_platform::tasks::Tasks;
use tokio::net::TcpListener;

use crate::app::App;
use crate::app::share::Sharer;
use crate::config::Config;
use crate::consumers::Feeders;
use crate::grpc::Door;
use crate::jobs;
use crate::metrics::Metrics;
use crate::opendata;
use crate::opendata::directory::Directory;
use crate::store::SharedPicture;
use crate::upstream::Upstreams;

/// What the service stands on.
pub struct Deps {
    /// Where it answers.
    pub listener: TcpListener,
    /// What time it is.
    pub clock: Clock,
    /// Where ids and jitter come from.
    pub ids: Ids,
    /// The shared picture. May be away.
    pub redis: Pool,
    /// Facts.
    pub bus: Bus,
    /// Who calls.
    pub verifier: Verifier,
    /// Where `booking.v1.InventoryService` is. May be away.
    pub booking: Channel,
    /// Where `sensor.v1.SensorService` is. May be away.
    pub sensor: Channel,
}

/// Starts the service. It answers at once, and its health says SERVING by itself as soon as it has
/// anything to answer with: what Redis held, or the picture.
///
/// # Errors
/// When the server does not start.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let Deps { listener, clock, ids, redis, bus, verifier, booking, sensor } = deps;
    let tasks = Tasks::new(&clock);
    let app = Arc::new(App::new(clock.clone(), u64::from_be_bytes(ids.bytes())));
    let shared = SharedPicture::new(redis, &config.redis_prefix);
    let metrics = Metrics::default();

    let directory = Arc::new(Directory::new(&clock));
    let door = Door::new(Arc::clone(&app), config.watch, &tasks);
    let documents = opendata::Door {
        app: Arc::clone(&app),
        directory: Arc::clone(&directory),
        clock: clock.clone(),
    };
    let server = Server::new("availability", config.serve, &ids, &verifier)
        .service(AvailabilityServiceServer::new(door))
        .pages(opendata::PREFIX, Arc::new(documents));
    let mut running = server.start(listener).await?;

    tasks.spawn("warm-up", jobs::warm_up(Arc::clone(&app), shared.clone()));
    let feeders = Feeders {
        app: Arc::clone(&app),
        bus: bus.clone(),
        upstreams: Upstreams { booking, sensor, clock, directory },
        ids: ids.clone(),
        metrics: metrics.clone(),
        reconcile_period: config.reconcile_period,
    };
    feeders.start(&tasks);
    tasks.spawn("clock", jobs::run_clock(Arc::clone(&app), metrics.clone(), tasks.clone()));
    jobs::start_looks(&app, &bus, &tasks);
    jobs::start_recording(&app, &shared, &metrics, &tasks);
    let sharer = Sharer::new(Arc::clone(&app), shared, ids);
    let rewrite = config.reconcile_period;
    tasks.spawn("share", jobs::share(Arc::clone(&app), sharer, metrics, rewrite, tasks.clone()));
    if let Some(health) = running.health().cloned() {
        tasks.spawn("readiness", jobs::say_serving(app, health, running.stopping(), tasks.clone()));
    }
    let ending = tasks.clone();
    running.on_stop("tasks", async move { ending.stop().await });
    Ok(running)
}
