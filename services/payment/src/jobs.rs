//! Clockwork: takes up intents that nobody drives (their process died, or a fact made them) and
//! those whose outcome stayed unknown.

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parkmesh_platform::fault::chain;
use parkmesh_platform::tasks::Tasks;
use parkmesh_platform::telemetry;

use crate::app::App;
use crate::error::Error;
use crate::store;

/// Calls of the provider at the same time. Of a provider that fails most are waits, and one that waits holds nobody up.
const CALLS_MAX: usize = 64;
/// With so many under way no more are claimed: each claim is a statement.
const CALLS_FEW: usize = CALLS_MAX / 2;

type Driving = FuturesUnordered<BoxFuture<'static, ()>>;

/// Takes up what is due, as long as there is room for it.
///
/// # Errors
/// When the store fails.
async fn take_up(app: &App, driving: &mut Driving) -> Result<(), Error> {
    while driving.len() <= CALLS_FEW {
        let room = CALLS_MAX - driving.len();
        let waits = (app.config.lease().as_secs_f64(), app.config.rescue_wait_max_seconds);
        let due = store::payment::claim_due(&app.pool, app.clock.now(), room, waits).await?;
        let claimed = due.len();
        for payment_id in due {
            let app = app.clone();
            driving.push(Box::pin(async move {
                if let Err(error) = app.drive(payment_id).await {
                    let error = chain(&error);
                    tracing::warn!(%payment_id, error, "an intent was not finished");
                }
            }));
        }
        if claimed < room {
            return Ok(());
        }
    }
    Ok(())
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

/// Tells of payments that come to no end.
fn start_telling_stuck(app: &App, tasks: &Tasks) {
    let (app, period) = (app.clone(), app.config.stuck_period);
    tasks.every("payment-stuck", period, move |now| {
        let app = app.clone();
        async move {
            if let Err(error) = app.tell_stuck(now).await {
                let error = chain(&error);
                tracing::warn!(error, "nobody looked for payments that are stuck");
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

/// Sets aside anew what the provider lets go of soon.
fn start_renewing(app: &App, tasks: &Tasks) {
    let (app, period) = (app.clone(), app.config.rescue_period);
    tasks.every("payment-renewals", period, move |now| {
        let app = app.clone();
        async move {
            if let Err(error) = app.renew_due(now).await {
                let error = chain(&error);
                tracing::warn!(error, "what is set aside is not set aside anew");
            }
        }
    });
}

/// Takes intents up when one is committed that nobody drives, when others are done, and in every period.
pub fn start(app: &App, tasks: &Tasks) {
    start_reconciling(app, tasks);
    start_notices(app, tasks);
    start_renewing(app, tasks);
    start_telling_stuck(app, tasks);
    let (app, sleeper) = (app.clone(), tasks.clone());
    tasks.spawn("payment-intents", async move {
        let mut driving = Driving::new();
        loop {
            if let Err(error) = take_up(&app, &mut driving).await {
                let error = chain(&error);
                tracing::warn!(error, "open intents could not be read");
            }
            let full = driving.len() > CALLS_FEW;
            tokio::select! {
                () = go_on(&mut driving, full) => {}
                () = app.intents.notified() => {}
                () = sleeper.sleep(app.config.rescue_period) => {}
            }
        }
    });
}

/// Goes on with what is under way: until there is room for more where there was none, else without end.
async fn go_on(driving: &mut Driving, full: bool) {
    while driving.next().await.is_some() {
        if full && driving.len() <= CALLS_FEW {
            return;
        }
    }
    std::future::pending().await
}
