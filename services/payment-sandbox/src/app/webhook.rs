//! Delivers webhooks, signed like Stripe's: again and again until they are taken.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use hmac::{Hmac, Mac};
use parkmesh_platform::fault::chain;
use sha2::Sha256;
use uuid::Uuid;

use super::App;
use crate::config::Endpoint;
use crate::store::{self, Due};

/// The header that signs: `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "<t>.<body>">`.
pub const SIGNATURE: &str = "parkmesh-sandbox-signature";
/// Webhooks claimed at a time.
const CLAIM_MAX: i64 = 256;
/// Webhooks on their way at the same time.
const SENT_MAX: usize = 32;
/// How often it is looked for webhooks that were put off.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a receiver may take.
const SEND_MAX: Duration = Duration::from_secs(10);

/// Delivers until the stop.
///
/// # Errors
/// When no HTTP client can be made.
pub fn start(app: &App) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder().timeout(SEND_MAX).build()?;
    let (app, tasks) = (app.clone(), app.tasks.clone());
    let sleeper = tasks.clone();
    tasks.spawn("sandbox-webhooks", async move {
        loop {
            match tick(&app, &client).await {
                Ok(sent) if sent > 0 => {}
                outcome => {
                    if let Err(error) = outcome {
                        tracing::warn!(error = chain(&error), "webhooks were not read");
                    }
                    tokio::select! {
                        () = app.told.notified() => {}
                        () = sleeper.sleep(PERIOD) => {}
                    }
                }
            }
        }
    });
    Ok(())
}

/// Delivers what is due now; tells how many were taken.
async fn tick(app: &App, client: &reqwest::Client) -> Result<usize, sqlx::Error> {
    let endpoint = app.endpoint.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(endpoint) = endpoint else { return Ok(0) };
    let due = store::claim_events(&app.pool, app.clock.now(), CLAIM_MAX).await?;
    let taken: Vec<Uuid> = stream::iter(due)
        .map(|due| send(app, client, &endpoint, due))
        .buffer_unordered(SENT_MAX)
        .filter_map(std::future::ready)
        .collect()
        .await;
    if !taken.is_empty() {
        store::delivered(&app.pool, &taken, app.clock.now()).await?;
    }
    Ok(taken.len())
}

/// The id, if it was taken.
async fn send(app: &App, client: &reqwest::Client, to: &Endpoint, due: Due) -> Option<Uuid> {
    let Due { event_id, body } = due;
    let signed = sign(&to.secret, app.clock.now().as_second(), &body);
    let request = client.post(&to.url).header(SIGNATURE, signed);
    let answer = request.header("content-type", "application/json").body(body).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => Some(event_id),
        Ok(answer) => {
            tracing::debug!(%event_id, status = %answer.status(), "a webhook was refused");
            None
        }
        Err(error) => {
            tracing::debug!(%event_id, error = chain(&error), "a webhook was not delivered");
            None
        }
    }
}

/// The header's value.
pub fn sign(secret: &str, second: i64, body: &str) -> String {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes())
        .unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(format!("{second}.{body}").as_bytes());
    let hex: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={second},v1={hex}")
}
