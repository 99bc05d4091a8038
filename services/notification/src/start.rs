//! The only file that knows all parts.

use std::sync::Arc;

use parkmesh_contracts::notification::v1::notification_service_server::NotificationServiceServer;
use parkmesh_eventbus::{Bus, relay};
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{Running, Server, StartError};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::app::{App, Hub, Operators, Outgoing};
use crate::grpc::Door;
use crate::{Config, consumers, jobs, webhook};

/// What notification is given.
pub struct Deps {
    /// Where it answers.
    pub listener: TcpListener,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub ids: Ids,
    /// Its own schema, `notification`.
    pub pool: PgPool,
    /// Facts of others; its own tell only that a person was erased.
    pub bus: Bus,
    /// Who calls.
    pub verifier: Verifier,
}

/// Starts to answer and to listen.
///
/// # Errors
/// When the listener is not usable.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let Deps { listener, clock, ids, pool, bus, verifier } = deps;
    let tasks = Tasks::new(&clock);
    let serve = config.serve.clone();
    let mailer = config.mail.clone();
    let webhooks = webhook::Caller::new(config.webhooks, &tasks);
    let relay = relay::start(&bus, &pool, "notification", &tasks);
    let app = App {
        config: Arc::new(config),
        pool,
        clock,
        ids: ids.clone(),
        hub: Hub::default(),
        operators: Operators::default(),
        relay,
        mailer,
        webhooks,
        outgoing: Outgoing::default(),
    };
    let server = Server::new("notification", serve, &ids, &verifier)
        .service(NotificationServiceServer::new(Door(app.clone())));
    let mut running = server.start(listener).await?;
    consumers::start(&bus, &app, &tasks);
    jobs::start(&app, &tasks);
    running.on_stop("tasks", async move { tasks.stop().await });
    running.ready().await;
    Ok(running)
}
