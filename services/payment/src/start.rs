//! The only file that knows all parts.

use std::sync::Arc;

use parkmesh_contracts::payment::v1::payment_service_server::PaymentServiceServer;
use parkmesh_eventbus::{Bus, relay};
use parkmesh_platform::auth::Verifier;
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::serve::{self, Running, Server};
use parkmesh_platform::tasks::Tasks;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::app::App;
use crate::grpc::Door;
use crate::provider::SandboxProvider;
use crate::{Config, consumers, jobs};

/// What payment is given.
pub struct Deps {
    /// Where it answers.
    pub listener: TcpListener,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub ids: Ids,
    /// Its own schema, `payment`.
    pub pool: PgPool,
    /// Facts, both ways.
    pub bus: Bus,
    /// Who calls.
    pub verifier: Verifier,
}

/// Payment did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server.
    #[error("the server did not start")]
    Serve(#[from] serve::StartError),
    /// The client of the provider.
    #[error("no HTTP client for the provider")]
    Provider(#[from] reqwest::Error),
}

/// Starts to answer, to listen, and to finish what an earlier process left open.
///
/// # Errors
/// When the listener or the HTTP client is not usable.
pub async fn start(config: Config, deps: Deps) -> Result<Running, StartError> {
    let Deps { listener, clock, ids, pool, bus, verifier } = deps;
    let tasks = Tasks::new(&clock);
    let provider = SandboxProvider::connect(
        &config.provider_url,
        config.provider_timeout,
        config.webhook_secret.clone(),
    )?;
    let relay = relay::start(&bus, &pool, "payment", &tasks);
    let serve = config.serve.clone();
    let app = App {
        config: Arc::new(config),
        pool,
        clock,
        ids: ids.clone(),
        tasks: tasks.clone(),
        provider: Arc::new(provider),
        relay,
        intents: Arc::new(Notify::new()),
    };
    let server = Server::new("payment", serve, &ids, &verifier)
        .service(PaymentServiceServer::new(Door(app.clone())));
    let mut running = server.start(listener).await?;
    consumers::start(&bus, &app, &tasks);
    jobs::start(&app, &tasks);
    running.on_stop("tasks", async move { tasks.stop().await });
    running.ready().await;
    Ok(running)
}
