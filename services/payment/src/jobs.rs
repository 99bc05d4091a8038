//! Clockwork: takes up intents that nobody drives (their process died, or a fact made them) and
//! those whose outcome stayed unknown.

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use parkmesh_platform::fault::chain;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::telemetry;

use crate::app::App;
use crate::error::Error;
use crate::store;

/// Intents claimed at a time.
const CLAIM_MAX: usize = 64;
/// Calls of the provider at the same time.
const CALLS_MAX: usize = 16;

/// Takes up everything that is due now; tells how many intents that were.
///
/// # Errors
/// When the store fails.
pub async fn tick(app: &App, now: Timestamp) -> Result<usize, Error> {
    let mut taken = 0;
    loop {
        let waits = (app.config.lease().as_secs_f64(), app.config.rescue_wait_max_seconds);
        let due = store::payment::claim_due(&app.pool, now, CLAIM_MAX, waits).await?;
        let claimed = due.len();
        taken += claimed;
        stream::iter(due)
            .for_each_concurrent(CALLS_MAX, |payment_id| async move {
                if let Err(error) = app.drive(payment_id).await {
                    let error = chain(&error);
                    tracing::warn!(%payment_id, error, "an intent was not finished");
                }
            })
            .await;
        if claimed < CLAIM_MAX {
            return Ok(taken);
        }
    }
}

/// Compares our ledger with the provider's in every period, and tells how many payments differ.
fn start_reconciling(app: &App, tasks: &Tasks) {
    let differences = telemetry::meter()
        .i64_gauge("parkmesh_payment_ledger_differences")
        .with_description("Payments of which the provider's ledger says otherwise than ours")
        .build();
    let (app, period) = (app.clone(), app.config.reconcile_period);
    tasks.every("payment-reconcile", period, move |now| {
        let (app, differences) = (app.clone(), differences.clone());
        async move {
            match app.reconcile(now).await {
                Ok(differ) => differences.record(differ, &[]),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "the ledgers were not compared");
                }
            }
        }
    });
}

/// Applies what the provider told, at once and, what could not be applied, in every period.
fn start_notices(app: &App, tasks: &Tasks) {
    let (app, sleeper) = (app.clone(), tasks.clone());
    tasks.spawn("payment-notices", async move {
        loop {
            match app.apply_notices().await {
                Ok(applied) if applied > 0 => continue,
                Ok(_) => {}
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "notices could not be read");
                }
            }
            tokio::select! {
                () = app.notices.notified() => {}
                () = sleeper.sleep(app.config.rescue_period) => {}
            }
        }
    });
}

/// Ticks when an intent is committed that nobody drives, and once in every period.
pub fn start(app: &App, tasks: &Tasks) {
    start_reconciling(app, tasks);
    start_notices(app, tasks);
    let (app, sleeper) = (app.clone(), tasks.clone());
    tasks.spawn("payment-intents", async move {
        loop {
            if let Err(error) = tick(&app, app.clock.now()).await {
                let error = chain(&error);
                tracing::warn!(error, "open intents could not be read");
            }
            tokio::select! {
                () = app.intents.notified() => {}
                () = sleeper.sleep(app.config.rescue_period) => {}
            }
        }
    });
}
