//! The only file that knows all parts: puts them together and starts them.

use std::sync::Arc;

use parkmesh_contracts::booking::v1::booking_service_server::BookingServiceServer;
use parkmesh_contracts::booking::v1::discount_service_server::DiscountServiceServer;
use parkmesh_contracts::booking::v1::inventory_service_server::InventoryServiceServer;
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_eventbus::{Bus, relay};
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::channel::Channel;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{self, Running, Server};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::booking::churn::Churn;
use crate::app::booking::group::Groups;
use crate::app::booking::known::Known;
use crate::app::booking::offers::Offers;
use crate::app::booking::watch::Changes;
use crate::app::{App, forget, snapshot};
use crate::config::Config;
use crate::grpc::booking::BookingDoor;
use crate::grpc::discount::DiscountDoor;
use crate::grpc::inventory::InventoryDoor;
use crate::{consumers, jobs};

/// The name of the role.
pub const NAME: &str = "booking";

/// What the service is given.
pub struct Deps {
    /// Where it answers.
    pub listener: TcpListener,
    /// The time.
    pub clock: Clock,
    /// Where ids and codes come from.
    pub ids: Ids,
    /// The schema `booking`, migrated by somebody else.
    pub pool: PgPool,
    /// Facts; the streams are there already.
    pub bus: Bus,
    /// Who tells callers apart.
    pub verifier: Verifier,
    /// The way to `payment`.
    pub payment: Channel,
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
    let relay = relay::start(&deps.bus, &deps.pool, NAME, &tasks);
    let app = App {
        clock: deps.clock,
        ids: deps.ids.clone(),
        pool: deps.pool,
        bus: deps.bus,
        relay,
        snapshots: Arc::new(Semaphore::new(snapshot::SNAPSHOTS_MAX)),
        watch_limits: config.watch,
        plate_key: config.plate_key,
        sealer: config.sealer,
        plate_keep: config.plate_keep,
        known: Known::default(),
        groups: Groups::default(),
        churn: Churn::default(),
        offers: Offers::default(),
        changes: Changes::default(),
        tasks: tasks.clone(),
        payment: PaymentServiceClient::new(deps.payment),
    };
    forget_requests(&app, &tasks);
    app.start_groups(config.reserve_writers);
    app.follow_changes();
    consumers::start(&app);
    if config.clockwork {
        jobs::start(&app);
    }
    let inventory = InventoryServiceServer::new(InventoryDoor::new(app.clone()));
    let bookings = BookingServiceServer::new(BookingDoor::new(app.clone()));
    let discounts = DiscountServiceServer::new(DiscountDoor::new(app.clone()));
    let mut running = Server::new(NAME, config.serve, &deps.ids, &deps.verifier)
        .service(inventory)
        .service(bookings)
        .service(discounts)
        .start(deps.listener)
        .await?;
    running.on_stop("tasks", async move { tasks.stop().await });
    running.ready().await;
    Ok(running)
}

fn forget_requests(app: &App, tasks: &Tasks) {
    let app = app.clone();
    tasks.every("forget-requests", forget::PERIOD, move |now| {
        let app = app.clone();
        async move {
            app.forget_requests(now).await;
            app.forget_plates(now).await;
        }
    });
}
