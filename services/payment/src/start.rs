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
use crate::config::{ProviderChoice, Secret};
use crate::grpc::Door;
use crate::provider::{Provider, SandboxProvider, StripeProvider, StripeSettings};
use crate::{Config, consumers, jobs, webhook};

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
    let provider = provider(&config)?;
    let relay = relay::start(&bus, &pool, "payment", &tasks);
    let serve = config.serve.clone();
    let app = App {
        config: Arc::new(config),
        pool,
        clock,
        ids: ids.clone(),
        tasks: tasks.clone(),
        provider,
        relay,
        intents: Arc::new(Notify::new()),
        notices: Arc::new(Notify::new()),
    };
    let server = Server::new("payment", serve, &ids, &verifier)
        .service(PaymentServiceServer::new(Door(app.clone())))
        .hooks(webhook::PREFIX, Arc::new(webhook::Door(app.clone())));
    let mut running = server.start(listener).await?;
    consumers::start(&bus, &app, &tasks);
    jobs::start(&app, &tasks);
    running.on_stop("tasks", async move { tasks.stop().await });
    running.ready().await;
    Ok(running)
}

fn provider(config: &Config) -> Result<Arc<dyn Provider>, reqwest::Error> {
    let webhook_secret = config.webhook_secret.clone().map(|Secret(secret)| secret);
    let call_timeout = config.provider_timeout;
    Ok(match config.provider.clone() {
        ProviderChoice::Sandbox => {
            let url = &config.provider_url;
            Arc::new(SandboxProvider::connect(url, call_timeout, webhook_secret)?)
        }
        ProviderChoice::Stripe { base_url, secret_key: Secret(secret_key) } => {
            let settings = StripeSettings { base_url, secret_key, webhook_secret, call_timeout };
            Arc::new(StripeProvider::connect(settings)?)
        }
    })
}
